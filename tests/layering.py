#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads every #include "..." and fails on one that crosses folders where no arrow allows it."""
import pathlib
import re
import sys

# folder: what it may include besides itself. An entry that ends in .h allows just that header.
ARROWS = {
    "vmm/base": [],
    "vmm/core": ["vmm/base"],
    "vmm/dev": ["vmm/base", "vmm/core"],
    "vmm/block": ["vmm/base", "vmm/core"],
    "vmm/net": ["vmm/base"],
    "vmm/jail": ["vmm/base"],
    "vmm/virtio": ["vmm/base", "vmm/core", "vmm/block", "vmm/net"],
    "gpu": ["vmm/base", "vmm/core", "vmm/virtio"],
    "gpu/gl": ["vmm/base", "vmm/core", "vmm/virtio", "gpu"],
    "input": ["vmm/base", "vmm/core", "vmm/virtio"],
    "wl": ["vmm/base", "gpu/frame.h", "input/sink.h"],
    "vmm/app": ["vmm", "gpu", "gpu/gl", "wl", "input"],
    "tests": ["vmm", "gpu", "gpu/gl", "wl", "input"],
    "tools": [],
}
# gpu/frame is what GPU and display share, so it stands on base alone.
STRICT = {"gpu/frame.h": ["vmm/base"], "gpu/frame.c": ["gpu/frame.h", "vmm/base"],
          "input/sink.h": ["vmm/base"]}
# The host's GL is one folder's business.
GL = re.compile(r'^\s*#\s*include\s+<((?:epoxy|EGL|GLES|GL|virgl|gbm|virglrenderer)[^>]*)>', re.M)
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def folder_of(path):
    """The longest folder of the table that holds path."""
    best = ""
    for folder in ARROWS:
        if path.startswith(folder + "/") and len(folder) > len(best):
            best = folder
    return best


def allowed(target, arrows):
    """An arrow to a folder of the table does not reach into another one below it."""
    return any(target == a or
               target.startswith(a + "/") and (a not in ARROWS or folder_of(target) == a)
               for a in arrows)


def main():
    root = pathlib.Path.cwd()
    bad = 0
    files = sorted(p for top in ("vmm", "gpu", "wl", "input", "tests", "tools")
                   for p in (root / top).rglob("*.[ch]"))
    for file in files:
        path = file.relative_to(root).as_posix()
        folder = folder_of(path)
        if not folder:
            print(f"{path}: its folder is not in the table")
            bad += 1
            continue
        arrows = STRICT.get(path, ARROWS[folder] + [folder])
        text = file.read_text()
        if folder not in ("gpu/gl", "tests"):
            for header in GL.findall(text):
                print(f"{path}: includes <{header}>, which is for gpu/gl alone")
                bad += 1
        for target in INCLUDE.findall(text):
            if not (root / target).exists():
                continue  # generated, or beside the file
            if not allowed(target, arrows):
                print(f"{path}: includes {target}, and no arrow allows that")
                bad += 1
    print(f"{len(files)} files read, {bad} forbidden includes")
    return 1 if bad or not files else 0


sys.exit(main())
