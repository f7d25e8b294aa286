# What Capstan needs of Debian 12, and how it gets there. Sourced by quickstart and check; $1 of need_packages is a list.
# shellcheck shell=bash
build_packages="g++ clang-19 libclang-rt-19-dev lld-19 cmake ninja-build ccache git ca-certificates libboost1.81-dev
  libpoco-dev libyaml-cpp-dev nlohmann-json3-dev libcli11-dev libspdlog-dev libfmt-dev libxxhash-dev libzstd-dev
  libiscsi-dev libsqlite3-dev libsystemd-dev libgtest-dev libbenchmark-dev librapidcheck-dev"
run_packages="rsync e2fsprogs acl attr libcap2-bin python3"
check_packages="clang-tidy-19 clang-format-19 llvm-19 tar faketime tgt"
guest_packages="qemu-system-x86 linux-image-amd64 busybox-static cpio kmod open-iscsi mtx mt-st sg3-utils"

need_packages() {
  local missing=() package
  for package in $1; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  if [ "$(id -u)" -ne 0 ]; then
    echo "These Debian packages are missing: ${missing[*]}" >&2
    echo "Run this script as root, or install them with: apt-get install --no-remove ${missing[*]}" >&2
    return 1
  fi
  echo "Installing: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq || true
  if ! apt-get install -y -qq --no-install-recommends --no-remove "${missing[@]}" >/tmp/capstan-apt.log 2>&1; then
    tail -n 15 /tmp/capstan-apt.log >&2
    echo "Packages could not be installed. If libboost1.74-dev stands in the way of libboost1.81-dev, remove it first:" >&2
    echo "  apt-get remove libboost1.74-dev" >&2
    return 1
  fi
}
