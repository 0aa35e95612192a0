# SPDX-License-Identifier: MIT
"""Names of keys and buttons, and which keys type which character on a US keyboard."""

BUTTONS = {
    "left": "left", "middle": "middle", "right": "right", "side": "side", "extra": "extra",
    "wheel-up": "wheel-up", "wheel-down": "wheel-down",
    "wheel-left": "wheel-left", "wheel-right": "wheel-right",
}

PLAIN = {
    " ": "spc", "\n": "ret", "\t": "tab", "-": "minus", "=": "equal", "[": "bracket_left",
    "]": "bracket_right", "\\": "backslash", ";": "semicolon", "'": "apostrophe",
    "`": "grave_accent", ",": "comma", ".": "dot", "/": "slash",
}
SHIFTED = dict(zip('~!@#$%^&*()_+{}|:"<>?', "`1234567890-=[]\\;',./"))
ALIASES = {"enter": "ret", "return": "ret", "space": "spc", "escape": "esc", "super": "meta_l",
           "del": "delete", "pageup": "pgup", "pagedown": "pgdn"}


def chords(text):
    """For each character of the text, the keys to hold together."""
    for char in text:
        shift = char.isupper() or char in SHIFTED
        char = SHIFTED.get(char, char).lower()
        code = PLAIN.get(char, char)
        if not code.isascii() or (len(code) == 1 and not code.isalnum()):
            raise ValueError(f"no key of a US keyboard types {char!r}")
        yield ["shift", code] if shift else [code]


def qcodes(name):
    """The keys of a name such as `ctrl-alt-f1`."""
    codes = [ALIASES.get(part, part) for part in name.split("-")]
    if not all(codes):
        raise ValueError(f"{name!r} is no key's name")
    return codes
