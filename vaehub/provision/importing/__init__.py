"""Import: a manifest made of what somebody has already.

What a folder holds (:mod:`.folders`), a ComfyUI workflow names (:mod:`.workflows`, from a picture
by :mod:`.png`) or a UI is set to (:mod:`.webui`) becomes **mentions**; :mod:`.recognise` finds what
in the catalogs each one means, and takes no mention that may mean two things. :mod:`.gather` is the
order of it all, :mod:`.draft` the manifest that comes of it.
"""

from __future__ import annotations
