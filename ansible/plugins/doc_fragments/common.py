# Copyright the vaehub contributors
# SPDX-License-Identifier: Apache-2.0
"""The options that several modules of the collection have."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation that modules extend."""

    DOCUMENTATION = r"""
options:
  executable:
    description:
      - The program C(vaehub) on the host, as a path or as a name to look for in E(PATH).
      - Without it, C(vaehub) in E(PATH), then in C(/opt/vaehub/venv/bin), where the role
        P(vaehub.vaehub.provision#role) installs it, then in C(~/.local/bin).
    type: path
  store:
    description:
      - The folder of vaehub's store (E(VAEHUB_STORE)); without it the user's own.
    type: path
  catalogs:
    description:
      - Further catalog files on the host (E(VAEHUB_CATALOG)).
    type: list
    elements: path
    default: []
  mirrors:
    description:
      - Mirrors to try before any host (E(VAEHUB_MIRRORS)); nothing they send is trusted beyond the
        hash.
    type: list
    elements: str
    default: []
  offline:
    description:
      - Ask no host (E(VAEHUB_OFFLINE)); whatever works from a lock still asks mirrors.
    type: bool
    default: false
  huggingface_token:
    description:
      - A token of Hugging Face. It goes into the environment of the command (E(HF_TOKEN)) and
        nowhere else.
    type: str
  civitai_token:
    description:
      - A token of Civitai (E(CIVITAI_TOKEN)), likewise.
    type: str
  liblib_token:
    description:
      - A token of Liblib (E(LIBLIB_TOKEN)), likewise.
    type: str
  modelscope_token:
    description:
      - A token of ModelScope (E(MODELSCOPE_TOKEN)), likewise.
    type: str
requirements:
  - vaehub on the host; the interpreter that runs the module need not have it
notes:
  - Ansible copies a module with its options to the host, tokens included, and removes both when the
    module has ended. With C(ansible_pipelining=true) they are never on the host's disk, also where
    the host or the connection dies meanwhile; the role sets it for the tasks that have tokens.
  - Endpoints such as E(HF_ENDPOINT), proxies and all else that vaehub reads from its environment go
    into the task's C(environment). A token does not belong there, since Ansible shows that
    environment.
  - A failure has what vaehub said, with what to do next, in C(msg), and the exit code in C(rc).
"""

    TRANSFER = r"""
options:
  accept_licenses:
    description:
      - Ids of licenses that you accept, as C(vaehub info) names them.
    type: list
    elements: str
    default: []
  limit_rate:
    description:
      - Take no more than this of the line, all downloads of the host together, as C(5MB) or
        C(20Mbit).
    type: str
  max_connections:
    description:
      - Open no more connections than this at the same time.
    type: int
"""

    LOCK = r"""
options:
  lock:
    description:
      - The C(vaehub.lock) on the host.
    type: path
    required: true
  manifest:
    description:
      - The C(vaehub.yaml) on the host. Without it C(vaehub.yaml) beside the lock, if that is there.
    type: path
"""
