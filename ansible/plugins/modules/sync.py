#!/usr/bin/python
# Copyright the vaehub contributors
# SPDX-License-Identifier: Apache-2.0
"""Ansible module: targets made equal to a lock."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: sync
short_description: Make the VAEs of a host equal to a lock
version_added: "1.0.0"
description:
  - Runs C(vaehub sync) on the host. What is missing is installed, what is damaged is mended, and
    what vaehub placed there and the lock does not name is removed; nothing else is touched.
  - Running it again changes nothing, and goes on where an interrupted run stopped.
options:
  to:
    description:
      - The targets - those of the lock by name, as C(NAME=PATH) or, where the manifest says where
        they are, as C(NAME), else any UI's root or folder.
      - Without it all targets of the manifest.
    type: list
    elements: str
    default: []
  frozen:
    description:
      - Never make the lock anew, and fail where it is not the manifest's.
    type: bool
    default: true
  bundles:
    description:
      - Bundles on the host to take files from, as C(vaehub bundle create) makes them.
    type: list
    elements: path
    default: []
  remove:
    description:
      - Whether what vaehub placed there and the lock does not name goes.
    type: bool
    default: true
  smoke:
    description:
      - Whether the smoke tests that the lock's policy asks for are done.
    type: bool
    default: true
extends_documentation_fragment:
  - vaehub.vaehub.common
  - vaehub.vaehub.common.lock
  - vaehub.vaehub.common.transfer
  - vaehub.vaehub.attributes
author: the vaehub contributors (!UNKNOWN)
seealso:
  - module: vaehub.vaehub.vae
  - module: vaehub.vaehub.audit
"""

EXAMPLES = r"""
- name: Make ComfyUI equal to the lock
  vaehub.vaehub.sync:
    lock: /opt/vaehub/vaehub.lock
    to: comfy=/srv/ComfyUI
    mirrors: ["http://mirror.example:8080"]

- name: Say what would be done
  vaehub.vaehub.sync:
    lock: /opt/vaehub/vaehub.lock
    to: comfy=/srv/ComfyUI
  check_mode: true
  diff: true
"""

RETURN = r"""
vae:
  description: The files of the lock in each target, and those that were removed.
  returned: always
  type: list
  elements: dict
  contains:
    entry:
      description: Catalog and id.
      type: str
      sample: vaehub/kl-f8-anime2
    variant:
      description: The variant.
      type: str
      sample: safetensors
    target:
      description: The root of the UI, or the folder.
      type: str
      sample: /srv/ComfyUI
    layout:
      description: The kind of UI; null for what was removed or is to be.
      type: str
      sample: comfyui
    path:
      description: The file.
      type: str
      sample: /srv/ComfyUI/models/vae/kl-f8-anime2.safetensors
    size:
      description: Bytes; null where nobody knows them yet.
      type: int
      sample: 404662055
    sha256:
      description: Of the file; null where it is known only after a conversion.
      type: str
      sample: df3c506e51b7ee1d7b5a6a2bb7142d47d488743c96aa778afb0f53a2cdc2d38d
    listed_as:
      description: The name under which the UI lists it.
      type: str
      sample: kl-f8-anime2.safetensors
    action:
      description: What the file needed - V(fetch), V(place), V(keep) or V(remove).
      type: str
      sample: fetch
    status:
      description: V(installed), V(present), V(removed), V(gone), V(kept); V(planned) in check mode.
      type: str
      sample: installed
problems:
  description: What vaehub found, also where it stopped nothing.
  returned: always
  type: list
  elements: dict
  contains:
    code:
      description: Stable code.
      type: str
      sample: hash-mismatch
    message:
      description: What happened.
      type: str
      sample: the file has other bytes than the catalog says
    where:
      description: File, source or target that it is about.
      type: str
      sample: /srv/ComfyUI
    blocking:
      description: Whether it stopped anything.
      type: bool
      sample: true
    hint:
      description: What to do next.
      type: str
      sample: try another source
rc:
  description: The exit code of vaehub, as its documentation has them; 127 where there is no vaehub.
  returned: always
  type: int
  sample: 0
"""


from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vaehub.vaehub.plugins.module_utils import facts, running


def main():
    """Do what the options say."""
    module = AnsibleModule(
        argument_spec=running.argument_spec(
            frozen={"type": "bool", "default": True},
            bundles={"type": "list", "elements": "path", "default": []},
            remove={"type": "bool", "default": True},
            smoke={"type": "bool", "default": True},
            **running.lock_spec(),
            **running.transfer_spec(),
        ),
        supports_check_mode=True,
    )
    params = module.params
    vaehub = running.Vaehub(module)
    arguments, folder = running.lock_arguments(module)
    arguments += running.transfer_arguments(params)
    arguments += running.pairs("--bundle", params["bundles"])
    for option, said in (
        ("--frozen", params["frozen"]),
        ("--no-remove", not params["remove"]),
        ("--no-smoke", not params["smoke"]),
        ("--offline", params["offline"]),
    ):
        if said:
            arguments.append(option)
    before = _installed(module, vaehub, arguments, folder)
    if module.check_mode:
        arguments.append("--dry-run")
    answer = vaehub.ask("sync", *arguments, cwd=folder)
    found = facts.of_installs(answer.results)
    said = {"vae": found, "changed": facts.has_changed(found)}
    if answer.rc != 0:
        vaehub.fail(answer, **said)
    if module._diff:
        said["diff"] = facts.diff(before, found)
    module.exit_json(rc=0, problems=answer.problems, **said)


def _installed(module, vaehub, arguments, folder):
    """Look at what vaehub has installed in the targets; only for a diff."""
    if not module._diff:
        return []
    plan = vaehub.ask("sync", *arguments, "--dry-run", cwd=folder)
    targets = sorted({result["target"] for result in plan.results})
    if not targets:
        return []
    return vaehub.ask("verify", *running.pairs("--to", targets)).results


if __name__ == "__main__":
    main()
