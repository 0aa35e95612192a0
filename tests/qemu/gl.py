#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A Debian guest drives our 3D graphics card. What it draws without GL, into a resource of the host's,
is in the window with every pixel right; eglinfo names virgl, with OpenGL 4.3 core and OpenGL ES 3.2;
and kmscube's cube turns in the window."""
# timeout: 240
from bed import bed, fail, main, quarters

WIDTH, HEIGHT = 400, 300


def is_cube(picture):
    """kmscube's background is grey, and the cube in the middle is not."""
    if not picture or picture[:2] != (WIDTH, HEIGHT):
        return False

    def pixel(x, y):
        at = (y * WIDTH + x) * 3
        return picture[2][at:at + 3]

    corners = [pixel(x, y) for x in (1, WIDTH - 2) for y in (1, HEIGHT - 2)]
    middle = pixel(WIDTH // 2, HEIGHT // 2)
    return (all(max(c) - min(c) <= 1 and 120 < c[0] < 135 for c in corners)
            and max(middle) - min(middle) > 20)


def test():
    with bed("--gpu", "backend=virgl", "--size", f"{WIDTH}x{HEIGHT}") as b:
        # kmscube ends when there is something to read
        guest = b.boot("/run/vitrine/flip 20 & IFS= read -r line </dev/tty1; kill $!; "
                       "eglinfo -B -p gbm; sleep 99 | kmscube & "
                       "IFS= read -r line </dev/tty1; kill $!; dmesg | grep -i virtio_gpu",
                       root=True)
        guest.line("flip: holding", 150)
        b.display.picture_where(lambda picture: picture == quarters(WIDTH, HEIGHT), 20)
        b.display.do("enter 10 10")
        b.display.type("\n")
        print(guest.line("core profile renderer: virgl", 60).group().strip())
        guest.line(r"core profile version: 4\.3", 20)
        guest.line(r"profile version: OpenGL ES 3\.2", 20)
        guest.line("Using display", 60)
        first = b.display.picture_where(is_cube, 60)
        b.display.picture_where(lambda picture: is_cube(picture) and picture != first, 20)
        b.display.type("\n")
        stats = b.stats()
        if stats["backend"] != "virgl" or stats["frames"]["presented"] < 2:
            fail(f"the statistics do not say so: {stats}")
        b.both_end()
        if "*ERROR*" in guest.seen:
            fail(f"the guest's driver has errors: {guest.seen[-1500:]}")


main(test)
