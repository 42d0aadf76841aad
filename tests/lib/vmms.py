"""What VMMs take, from their own documents, and a guest behind one: guestd on this machine, reached as if through vsock."""
import subprocess
import sys
import time
from pathlib import Path

# Of Firecracker's API (src/firecracker/swagger/firecracker.yaml), as --config-file groups it.
FIRECRACKER = {
    "boot-source": {"kernel_image_path", "boot_args", "initrd_path"},
    "drives": {"drive_id", "path_on_host", "is_root_device", "is_read_only", "cache_type", "partuuid", "io_engine",
               "rate_limiter"},
    "machine-config": {"vcpu_count", "mem_size_mib", "smt", "track_dirty_pages", "huge_pages", "cpu_template"},
    "vsock": {"guest_cid", "uds_path", "vsock_id"},
    "entropy": {"rate_limiter"},
}

# Of cloud-hypervisor --help: an option's keys; None: it takes one word.
CLOUD_HYPERVISOR = {
    "--kernel": None, "--cmdline": None, "--serial": None, "--console": None,
    "--disk": {"path", "readonly", "direct", "iommu", "num_queues", "queue_size", "vhost_user", "socket", "id"},
    "--cpus": {"boot", "max", "topology", "kvm_hyperv", "max_phys_bits", "affinity", "features"},
    "--memory": {"size", "mergeable", "shared", "hugepages", "hugepage_size", "hotplug_method", "hotplug_size", "prefault"},
    "--vsock": {"cid", "socket", "iommu", "id"},
    "--rng": {"src", "iommu"},
}


def check_kernel(path):
    if Path(path).read_bytes()[:4] != b"\x7fELF":
        sys.exit(f"{path}: no vmlinux")


def check_ext4(path):
    """The superblock's magic number."""
    with open(path, "rb") as f:
        f.seek(1024 + 56)
        if f.read(2) != b"\x53\xef":
            sys.exit(f"{path}: no ext4")


def run_guest(uds_path):
    """The VM's life: what a guest with guestd shows at its vsock's socket. Does not return while that lives."""
    if Path(uds_path).exists():
        sys.exit(f"{uds_path}: address in use")
    agent = Path(f"{uds_path}.agent").absolute()
    guest = subprocess.Popen(["guestd", "--listen", f"unix:{agent}", "--run-dir", f"{agent}.run"])
    while not agent.exists():
        time.sleep(0.01)
    subprocess.Popen([sys.executable, str(Path(__file__).parent / "hybrid.py"), uds_path, str(agent)])
    sys.exit(guest.wait())
