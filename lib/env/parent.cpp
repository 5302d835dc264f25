#include "env/parent.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

namespace weft::detail {

namespace {

constexpr const char* variable = "WEFT_PARENT";
constexpr int grace_ms = 10'000;

[[noreturn]] void end_this() {
  ::kill(::getpid(), SIGTERM);
  ::poll(nullptr, 0, grace_ms);
  ::kill(::getpid(), SIGKILL);
  ::_exit(128 + SIGKILL);
}

void watch(pid_t parent) {
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
  const int descriptor = static_cast<int>(::syscall(SYS_pidfd_open, parent, 0));
  while (::getppid() == parent) {
    pollfd watched{descriptor, POLLIN, 0};  // a negative descriptor is not looked at
    ::poll(&watched, 1, descriptor < 0 ? 1000 : -1);
    if (watched.revents & POLLIN) break;
  }
  end_this();
}

}  // namespace

std::string parent_setting() { return variable + ("=" + std::to_string(::getpid())); }

void end_with_parent() {
  const char* text = ::getenv(variable);
  if (!text) return;
  const pid_t parent = std::atoi(text);
  ::unsetenv(variable);  // it is not that of our own children
  if (parent > 0) std::thread(watch, parent).detach();
}

bool is_to_end_with_parent() { return ::getenv(variable) != nullptr; }

}  // namespace weft::detail
