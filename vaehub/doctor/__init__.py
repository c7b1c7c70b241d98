"""Will this UI list and load each VAE in its folders, and can this machine do its part.

Looking and deciding are apart: :mod:`.looking`, :mod:`.contents` and :mod:`.sameness` gather facts,
:mod:`.deciding` makes problems of them, each with a code of the table in :mod:`.findings` and with
the command that mends it (:mod:`.mending`). What a UI lists and loads is in the layouts alone.
Only :mod:`.fixing` writes, and only where it was told to.
"""
