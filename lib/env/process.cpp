#include "env/process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "env/owned_descriptor.hpp"

extern char** environ;

namespace weft::detail {

namespace {

/// Writes the input and reads the output as the program is ready for them, so that neither waits for the other.
bool exchange(owned_descriptor& in, owned_descriptor& out, const std::string& input, std::string& output) {
  std::size_t written = 0;
  while (out) {
    if (written == input.size()) in.close();
    pollfd watched[2] = {{out.get(), POLLIN, 0}, {in.get(), POLLOUT, 0}};  // a negative descriptor is not looked at
    if (::poll(watched, 2, -1) < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    if (watched[1].revents != 0) {
      // MSG_NOSIGNAL: a program that reads no more must not kill this one by SIGPIPE.
      const ssize_t n = ::send(in.get(), input.data() + written, input.size() - written, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n > 0)
        written += static_cast<std::size_t>(n);
      else if (n < 0 && errno != EAGAIN && errno != EINTR)
        written = input.size();
    }
    if (watched[0].revents != 0) {
      char buffer[1 << 14];
      const ssize_t n = ::read(out.get(), buffer, sizeof buffer);
      if (n > 0)
        output.append(buffer, static_cast<std::size_t>(n));
      else if (n == 0 || errno != EINTR)
        out.close();
    }
  }
  return true;
}

}  // namespace

std::optional<std::string> output_of(const std::vector<std::string>& command, const std::string& input) {
  int to[2], from[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, to) != 0) return std::nullopt;
  owned_descriptor in(to[0]), its_in(to[1]);
  if (::pipe2(from, O_CLOEXEC) != 0) return std::nullopt;
  owned_descriptor out(from[0]), its_out(from[1]);

  posix_spawn_file_actions_t actions;
  if (::posix_spawn_file_actions_init(&actions) != 0) return std::nullopt;
  ::posix_spawn_file_actions_adddup2(&actions, its_in.get(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, its_out.get(), STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_t child = 0;
  const int error = ::posix_spawnp(&child, words[0], &actions, nullptr, words.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  its_in.close();
  its_out.close();
  if (error != 0) return std::nullopt;

  std::string output;
  const bool whole = exchange(in, out, input, output);
  in.close();
  out.close();
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return std::nullopt;
  if (!whole || !WIFEXITED(status) || WEXITSTATUS(status) != 0) return std::nullopt;
  return output;
}

std::string host_name() {
  char name[256] = {};
  return ::gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

void be_nice(int value) noexcept {
  errno = 0;
  const int now = ::getpriority(PRIO_PROCESS, 0);
  if (errno == 0 && value > now) ::setpriority(PRIO_PROCESS, 0, value);
}

void raise_file_limit() noexcept {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

std::string process_name() { return host_name() + "-" + std::to_string(::getpid()); }

}  // namespace weft::detail
