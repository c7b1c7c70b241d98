#!/usr/bin/python
# Copyright the vaehub contributors
# SPDX-License-Identifier: Apache-2.0
"""Ansible module: targets held against a lock."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: audit
short_description: Hold the VAEs of a host against a lock
version_added: "1.0.0"
description:
  - Runs C(vaehub audit) on the host, which finds files that are missing, damaged, replaced or
    renamed, and models that the lock does not name.
  - The module fails where anything differs, with RV(rc) 9.
options:
  to:
    description:
      - The targets, as for M(vaehub.vaehub.sync).
    type: list
    elements: str
    default: []
  quick:
    description:
      - Look at size and time of the files alone; without it each is hashed.
    type: bool
    default: false
  allow_foreign:
    description:
      - Do not mind models that the lock does not name.
    type: bool
    default: false
  junit:
    description:
      - Write a JUnit report there, on the host.
    type: path
  sarif:
    description:
      - Write a SARIF report there, on the host.
    type: path
extends_documentation_fragment:
  - vaehub.vaehub.common
  - vaehub.vaehub.common.lock
  - vaehub.vaehub.attributes.looks
author: the vaehub contributors (!UNKNOWN)
seealso:
  - module: vaehub.vaehub.sync
"""

EXAMPLES = r"""
- name: Hash all that the lock names
  vaehub.vaehub.audit:
    lock: /opt/vaehub/vaehub.lock
    to: comfy=/srv/ComfyUI

- name: Look quickly, and go on whatever is found
  vaehub.vaehub.audit:
    lock: /opt/vaehub/vaehub.lock
    to: comfy=/srv/ComfyUI
    quick: true
  register: audit
  failed_when: audit.rc not in [0, 9]
"""

RETURN = r"""
results:
  description: What was looked at, as C(vaehub audit --json) has it.
  returned: always
  type: list
  elements: dict
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
from ansible_collections.vaehub.vaehub.plugins.module_utils import running


def main():
    """Do what the options say."""
    module = AnsibleModule(
        argument_spec=running.argument_spec(
            quick={"type": "bool", "default": False},
            allow_foreign={"type": "bool", "default": False},
            junit={"type": "path"},
            sarif={"type": "path"},
            **running.lock_spec(),
        ),
        supports_check_mode=True,
    )
    params = module.params
    vaehub = running.Vaehub(module)
    arguments, folder = running.lock_arguments(module)
    for option in ("quick", "allow_foreign"):
        if params[option]:
            arguments.append("--" + option.replace("_", "-"))
    for option in ("junit", "sarif"):
        if params[option] and not module.check_mode:
            arguments += running.pairs("--" + option, [params[option]])
    answer = vaehub.ask("audit", *arguments, cwd=folder)
    if answer.rc != 0:
        vaehub.fail(answer, results=answer.results)
    module.exit_json(changed=False, rc=0, problems=answer.problems, results=answer.results)


if __name__ == "__main__":
    main()
