"""The source of each risk, by the beginning of a relaxation's name; the longest one counts."""

from __future__ import annotations

from collections.abc import Mapping

_RUN = "Docker documentation, docker container run"
SOURCES: Mapping[str, str] = {
    "": _RUN,
    "cap-add=": "capabilities(7)",
    "cap-add=AUDIT_CONTROL": "capabilities(7); Linux, kernel/audit.c",
    "cap-add=AUDIT_READ": "capabilities(7); Linux, kernel/audit.c",
    "cap-add=BPF": "capabilities(7); bpf(2)",
    "cap-add=DAC_READ_SEARCH": "capabilities(7); open_by_handle_at(2)",
    "cap-add=MAC_ADMIN": "capabilities(7); Linux, security/apparmor/policy.c",
    "cap-add=MKNOD": "capabilities(7); moby, oci/defaults.go",
    "cap-add=PERFMON": "capabilities(7); perf_event_open(2)",
    "cap-add=SYS_BOOT": "capabilities(7); reboot(2), kexec_load(2)",
    "cap-add=SYS_MODULE": "capabilities(7); init_module(2)",
    "cap-add=SYS_PACCT": "capabilities(7); acct(2)",
    "cap-add=SYS_PTRACE": "capabilities(7); ptrace(2)",
    "cap-add=SYS_RAWIO": "capabilities(7); iopl(2)",
    "cgroupns=": "cgroup_namespaces(7)",
    "device=/dev/fuse": f"{_RUN}; fuse(4)",
    "device=/dev/mem": f"{_RUN}; mem(4)",
    "ipc=": f"{_RUN}; ipc_namespaces(7)",
    "mount=": "Docker documentation, Docker daemon attack surface",
    "mount=/proc": "proc(5), core(5)",
    "mount=/sys": "sysfs(5)",
    "pid=": f"{_RUN}; pid_namespaces(7)",
    "security-opt=apparmor=": "Docker documentation, AppArmor security profiles for Docker",
    "security-opt=label=type:spc_t": "container-selinux, container.te",
    "security-opt=seccomp=": "Docker documentation, Seccomp security profiles for Docker",
    "security-opt=systempaths=": f"{_RUN}; core(5)",
    "security-opt=writable-cgroups=": "moby, pull requests 42043 and 48828",
    "build-": "Docker documentation, docker buildx build",
    "env-file=": f"{_RUN}",
    "local-env=": "Development Container Specification, variables in devcontainer.json",
    "userns=": "Docker documentation, isolate containers with a user namespace",
}
