// Runs a program where the system grants less: restricted [--no io_uring|membarrier]... [--memlock BYTES] COMMAND...
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

int fail(const std::string& what) {
  std::perror(("restricted: " + what).c_str());
  return 125;
}

/// Answers these system calls with EPERM, as a container's seccomp profile does.
bool refuse(const std::vector<long>& calls) {
  std::vector<sock_filter> program;
  program.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)));
  for (const long call : calls) {
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call), 0, 1));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  sock_fprog whole{static_cast<unsigned short>(program.size()), program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &whole) == 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<long> refused;
  int i = 1;
  for (; i + 1 < argc && argv[i][0] == '-'; i += 2) {
    const std::string flag = argv[i], value = argv[i + 1];
    if (flag == "--no" && value == "io_uring") {
      refused.push_back(SYS_io_uring_setup);
    } else if (flag == "--no" && value == "membarrier") {
      refused.push_back(SYS_membarrier);
    } else if (flag == "--memlock") {
      const rlimit limit{std::strtoul(value.c_str(), nullptr, 10), std::strtoul(value.c_str(), nullptr, 10)};
      if (::setrlimit(RLIMIT_MEMLOCK, &limit) != 0) return fail("setrlimit");
      // root is above the limit by this capability, and would get it back by exec but for the bounding set
      if (::geteuid() == 0 && ::prctl(PR_CAPBSET_DROP, CAP_IPC_LOCK, 0, 0, 0) != 0) return fail("prctl");
    } else {
      std::fprintf(stderr, "restricted: unknown option %s %s\n", flag.c_str(), value.c_str());
      return 125;
    }
  }
  if (i >= argc) {
    std::fprintf(stderr, "restricted: no command\n");
    return 125;
  }
  if (!refused.empty() && !refuse(refused)) return fail("seccomp");
  ::execvp(argv[i], argv + i);
  return fail(argv[i]);
}
