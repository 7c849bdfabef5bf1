"""Names of files and folders that systems keep beside photos: hidden ones, thumbnails, recycle bins, snapshots."""

from __future__ import annotations

import re

_NAMES = frozenset(
    name.casefold()
    for name in (
        # network storage: Synology, QNAP, NetApp
        "@eaDir", "#recycle", "#snapshot", "@tmp", "@SynoEAStream", "@Recycle", "@Recently-Snapshot", "@__thumb",
        "@sharebin", "~snapshot",
        # Windows
        "$RECYCLE.BIN", "System Volume Information", "Thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini",
        # Linux and Android
        "lost+found", "LOST.DIR",
        # macOS, in archives and on servers
        "__MACOSX", "Icon\r", "Network Trash Folder", "Temporary Items", "TheFindByContentFolder",
        "TheVolumeSettingsFolder", "Desktop DB", "Desktop DF",
        # programs for photos
        "Picasa.ini", "ZbThumbnail.info", "iPod Photo Cache",
    )
)  # fmt: skip

_STARTS = (".", ":2e")  # hidden, and as netatalk writes a hidden name
_ENDS = ("@synoeastream", "@synoresource")  # Synology's copies of attributes: IMG_1.jpg@SynoEAStream
_CHECKED_DISK = re.compile(r"found\.\d{3}")  # where Windows puts the fragments that it finds on a disk


def is_service_name(name: str) -> bool:
    """Whether a file or folder of this name belongs to a system, so that nothing in it is one of the user's photos.

    Names that a person might give a class, such as ``recycled``, are not among them. Case makes no difference.
    """
    folded = name.casefold()
    return (
        folded in _NAMES
        or folded.startswith(_STARTS)
        or folded.endswith(_ENDS)
        or _CHECKED_DISK.fullmatch(folded) is not None
    )
