#include "env/child.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <system_error>

extern char** environ;

namespace weft::detail {

namespace {

/// As the system takes it, which writes to none of it.
std::vector<char*> words_of(const std::vector<std::string>& command) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  return words;
}

/// This process's, with others in place of or beside it.
std::vector<char*> environment_with(const std::vector<std::string>& others) {
  std::vector<char*> settings;
  const auto name_of = [](const std::string& s) { return s.substr(0, s.find('=') + 1); };
  for (char** own = environ; *own; ++own) {
    bool replaced = false;
    for (const std::string& s : others) replaced = replaced || std::string(*own).rfind(name_of(s), 0) == 0;
    if (!replaced) settings.push_back(*own);
  }
  for (const std::string& s : others) settings.push_back(const_cast<char*>(s.c_str()));
  settings.push_back(nullptr);
  return settings;
}

}  // namespace

child_process child_process::start(const options& what) {
  const std::vector<char*> words = words_of(what.command), settings = environment_with(what.environment);
  posix_spawn_file_actions_t actions;
  if (const int error = ::posix_spawn_file_actions_init(&actions))
    throw std::system_error(error, std::generic_category(), "weft: cannot start a process");
  if (!what.with_terminal) ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  if (!what.output.empty()) {
    ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, what.output.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                       0644);
    ::posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  }
  // A group of its own: Ctrl-C on the terminal is for who started it, who then ends it in order.
  posix_spawnattr_t how;
  ::posix_spawnattr_init(&how);
  if (!what.with_terminal) ::posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP);
  ::posix_spawnattr_setpgroup(&how, 0);
  child_process child;
  pid_t id = 0;
  const int error = ::posix_spawnp(&id, words[0], &actions, &how, words.data(), settings.data());
  ::posix_spawnattr_destroy(&how);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0)
    throw std::system_error(error, std::generic_category(), "weft: cannot start " + what.command.front());
  child.id_ = id;
  child.descriptor_ = static_cast<int>(::syscall(SYS_pidfd_open, id, 0));
  return child;
}

int child_process::take(bool block) noexcept {
  int status = 0;
  for (;;) {
    const pid_t ended = ::waitpid(id_, &status, block ? 0 : WNOHANG);
    if (ended == 0) return -1;
    if (ended < 0 && errno == EINTR) continue;
    if (ended < 0) return 255;  // somebody else has reaped it
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
}

std::optional<int> child_process::status() noexcept {
  if (!status_ && id_ != 0)
    if (const int s = take(false); s >= 0) status_ = s;
  return status_;
}

int child_process::wait() noexcept {
  if (!status_ && id_ != 0) status_ = take(true);
  return status_.value_or(0);
}

void child_process::signal(int number) noexcept {
  if (id_ != 0 && !status()) ::kill(id_, number);
}

child_process::~child_process() {
  if (id_ != 0 && !status()) {
    ::kill(id_, SIGKILL);
    wait();
  }
  if (descriptor_ >= 0) ::close(descriptor_);
}

void become(const std::vector<std::string>& command, const std::vector<std::string>& environment) {
  const std::vector<char*> words = words_of(command), settings = environment_with(environment);
  ::execvpe(words[0], words.data(), settings.data());
  throw std::system_error(errno, std::generic_category(), "weft: cannot start " + command.front());
}

std::string own_program() {
  char path[PATH_MAX];
  const ssize_t n = ::readlink("/proc/self/exe", path, sizeof path);
  return n > 0 ? std::string(path, static_cast<std::size_t>(n)) : std::string();
}

}  // namespace weft::detail
