#!/usr/bin/python
# Copyright the vaehub contributors
# SPDX-License-Identifier: Apache-2.0
"""Ansible module: VAEs in the folders of Stable-Diffusion-style UIs."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: vae
short_description: Install and remove VAEs of Stable-Diffusion-style UIs
version_added: "1.0.0"
description:
  - Runs C(vaehub) on the host, which checks every byte, lets nothing appear before it is whole, and
    removes only what it placed itself.
  - Running it again changes nothing.
options:
  name:
    description:
      - Ids, aliases or full names, each optionally with C(@variant).
    type: list
    elements: str
    required: true
  to:
    description:
      - The targets, as C(vaehub --to) takes them - the root of a UI, a folder, or the name of a
        configured target.
      - With O(state=latest-in-lock) also a target of the lock, as C(NAME=PATH).
    type: list
    elements: str
    required: true
  state:
    description:
      - V(present) installs what the host's catalogs have under these names.
      - V(absent) removes what vaehub placed under them, and nothing else; a file that has changed
        since stops it.
      - V(latest-in-lock) installs exactly what O(lock) has under them, mends what is damaged, and
        removes the variant that an earlier lock had. Other VAEs are left as they are; the module
        M(vaehub.vaehub.sync) makes a target equal to a whole lock.
    type: str
    choices: [present, absent, latest-in-lock]
    default: present
  lock:
    description:
      - A C(vaehub.lock) on the host; for O(state=latest-in-lock) alone.
    type: path
  source:
    description:
      - Use this host only (V(huggingface), V(civitai) and so on); for O(state=present) alone.
    type: str
  convert:
    description:
      - Place the weights of pickles as safetensors; for O(state=present) alone, since a lock says
        so itself.
    type: str
    choices: [safetensors]
  smoke:
    description:
      - Then decode with it, and fail where it does not work. With O(state=latest-in-lock), whether
        the smoke tests that the lock's policy asks for are done.
      - The default is V(false) with O(state=present), and V(true) with O(state=latest-in-lock).
    type: bool
extends_documentation_fragment:
  - vaehub.vaehub.common
  - vaehub.vaehub.common.transfer
  - vaehub.vaehub.attributes
author: the vaehub contributors (!UNKNOWN)
seealso:
  - module: vaehub.vaehub.sync
  - module: vaehub.vaehub.audit
"""

EXAMPLES = r"""
- name: Install two VAEs into ComfyUI
  vaehub.vaehub.vae:
    name: [sdxl-vae-fp16-fix, kl-f8-anime2]
    to: /srv/ComfyUI
    mirrors: ["http://mirror.example:8080"]

- name: Install one that asks for a login and a license
  vaehub.vaehub.vae:
    name: flux1-ae
    to: /srv/ComfyUI
    accept_licenses: [Apache-2.0]
    huggingface_token: "{{ lookup('ansible.builtin.env', 'HF_TOKEN') }}"

- name: Bring one VAE to what the lock has
  vaehub.vaehub.vae:
    name: kl-f8-anime2
    to: comfy=/srv/ComfyUI
    state: latest-in-lock
    lock: /opt/vaehub/vaehub.lock

- name: Remove one
  vaehub.vaehub.vae:
    name: kl-f8-anime2
    to: [/srv/ComfyUI, /srv/webui]
    state: absent
"""

RETURN = r"""
vae:
  description: The files that the names stand for, in each target.
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
      description: V(installed), V(present), V(removed) or V(gone); V(planned) in check mode.
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

import json
import os
import tempfile

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vaehub.vaehub.plugins.module_utils import facts, locked, running


def main():
    """Do what the options say."""
    module = AnsibleModule(
        argument_spec=running.argument_spec(
            name={"type": "list", "elements": "str", "required": True},
            to={"type": "list", "elements": "str", "required": True},
            state={
                "type": "str",
                "choices": ["present", "absent", "latest-in-lock"],
                "default": "present",
            },
            lock={"type": "path"},
            source={"type": "str"},
            convert={"type": "str", "choices": ["safetensors"]},
            smoke={"type": "bool"},
            **running.transfer_spec(),
        ),
        required_if=[("state", "latest-in-lock", ("lock",))],
        supports_check_mode=True,
    )
    names, to = module.params["name"], running.expanded(module.params["to"])
    for option, values in (("name", names), ("to", to)):
        if not [value for value in values if value.strip()]:
            module.fail_json(msg=f"{option} is empty", rc=2, problems=[], vae=[])
    act = {"present": _present, "absent": _absent, "latest-in-lock": _latest}
    act[module.params["state"]](module, running.Vaehub(module), names, to)


def _present(module, vaehub, names, to):
    before = _installed(module, vaehub, to)
    arguments = running.pairs("--to", to) + running.transfer_arguments(module.params)
    for option in ("source", "convert"):
        if module.params[option]:
            arguments += running.pairs("--" + option, [module.params[option]])
    if module.params["smoke"]:
        arguments.append("--smoke")
    if module.check_mode:
        arguments.append("--dry-run")
    answer = vaehub.ask("install", *arguments, "--", *names)
    _end(module, answer, facts.of_installs(answer.results), before)


def _absent(module, vaehub, names, to):
    there = []
    known = []
    for name in names:
        answer = vaehub.ask("verify", *running.pairs("--to", to), "--", name)
        if answer.rc == running.UNKNOWN and not answer.results:
            # An entry may leave the catalogs after the VAE was removed: that is no failure.
            for problem in answer.problems:
                module.warn(running.sentence(problem))
        elif answer.rc not in (0, running.DIFFERENT):
            vaehub.fail(answer, vae=[])
        found = [one for one in answer.results if one not in there]
        changed = [one["path"] for one in found if one["state"] == "changed"]
        if changed:
            module.fail_json(
                msg=f"{changed[0]} is no longer what vaehub placed there: its bytes have changed "
                "-- it was not touched; delete it yourself if you do not need it",
                rc=7,
                problems=answer.problems,
                vae=[],
            )
        there += found
        known += [(one["target"], name) for one in found]
    removed = facts.of_receipts(there, "planned", "remove")
    problems = []
    if not module.check_mode:
        removed = []
        for target in sorted({target for target, _name in known}):
            here = sorted({name for place, name in known if place == target})
            arguments = [*running.pairs("--to", [target]), "--", *here]
            answer = vaehub.ask("uninstall", *arguments)
            removed += [
                fact
                for one in answer.results
                for fact in facts.of_receipts([one], one["status"], "remove")
            ]
            problems += answer.problems
            if answer.rc != 0:
                vaehub.fail(answer, vae=removed, changed=facts.has_changed(removed))
    _end(module, running.Answer(0, there, problems), removed, there)


def _latest(module, vaehub, names, to):
    path = module.params["lock"]
    try:
        with open(path, "rb") as file:
            lock = locked.select(file.read().decode("utf-8"), names, path)
    except (OSError, UnicodeDecodeError) as error:
        module.fail_json(msg=f"cannot read the lock {path}: {error}", rc=2, problems=[], vae=[])
    except locked.NotLocked as error:
        module.fail_json(msg=str(error), rc=error.rc, problems=[], vae=[])
    # A folder of its own: there is no manifest beside this lock.
    folder = tempfile.mkdtemp(dir=module.tmpdir)
    part = os.path.join(folder, "vaehub.lock")
    with open(part, "w", encoding="utf-8") as file:
        json.dump(lock, file)
    arguments = ["--lock=" + part, "--frozen", *running.pairs("--to", to)]
    paths = [place.partition("=")[2] if _is_named(place, lock) else place for place in to]
    before = _installed(module, vaehub, paths)
    plan = vaehub.must("sync", *arguments, "--dry-run", cwd=folder)
    old = locked.superseded(plan.results, lock)
    leaving = [
        fact
        for fact in facts.of_installs(plan.results)
        if fact["action"] == "remove"
        and (fact["target"], "{entry}@{variant}".format(**fact)) in old
    ]
    arguments += ["--no-remove", *running.transfer_arguments(module.params)]
    if module.params["smoke"] is False:
        arguments.append("--no-smoke")
    if module.check_mode:
        arguments.append("--dry-run")
    answer = vaehub.ask("sync", *arguments, cwd=folder)
    done = facts.of_installs(answer.results)
    if answer.rc == 0 and not module.check_mode:
        for target, name in old:
            gone = vaehub.ask("uninstall", "--to=" + target, "--", name)
            if gone.rc != 0:
                vaehub.fail(gone, vae=done, changed=facts.has_changed(done))
        leaving = [dict(fact, status="removed") for fact in leaving]
    _end(module, answer, done + leaving, before)


def _is_named(place, lock):
    return place.partition("=")[0] in lock["targets"] and "=" in place


def _installed(module, vaehub, to):
    """Look at what vaehub has installed there; only for a diff, and what is wrong is no failure."""
    if not module._diff:
        return []
    return vaehub.ask("verify", *running.pairs("--to", to)).results


def _end(module, answer, found, before):
    said = {"vae": found, "changed": facts.has_changed(found)}
    if answer.rc != 0:
        module.fail_json(msg=answer.failure, rc=answer.rc, problems=answer.problems, **said)
    if module._diff:
        said["diff"] = facts.diff(before, found)
    module.exit_json(rc=0, problems=answer.problems, **said)


if __name__ == "__main__":
    main()
