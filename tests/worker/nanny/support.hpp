#pragma once

#include <signal.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "env/child.hpp"
#include "scheduler/server.hpp"
#include "support/test_directory.hpp"
#include "weft/weft.hpp"

namespace nanny_test {

inline std::string content(const std::string& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

inline weft::task<bool> wait_for(std::function<bool()> condition) {
  for (int i = 0; i < 6000; ++i) {
    if (condition()) co_return true;
    co_await weft::sleep_for(std::chrono::milliseconds(10));
  }
  co_return false;
}
/// Within a minute.
inline bool comes(std::function<bool()> condition) {
  weft::pool p({.threads = 1});
  return p.run(wait_for(std::move(condition)));
}

/// A program, and what it says.
class process {
 public:
  process(const test_directory& in, std::vector<std::string> command, std::vector<std::string> environment = {})
      : output_(in / ("output-" + std::to_string(++number()))) {
    weft::detail::child_process::options o;
    o.command = std::move(command);
    o.environment = std::move(environment);
    o.output = output_;
    child_ = weft::detail::child_process::start(o);
  }
  std::string says() const { return content(output_); }
  bool says(const std::string& text) const { return says().find(text) != std::string::npos; }
  bool comes_to_say(const std::string& text) const {
    return comes([&] { return says(text); });
  }
  /// Its status; -1: it has not ended in time.
  int end() {
    return comes([&] { return child_.status().has_value(); }) ? *child_.status() : -1;
  }
  bool runs() { return !child_.status(); }
  void signal(int number) { child_.signal(number); }
  int id() const { return child_.id(); }
  /// The number behind the first such word.
  int number_after(const std::string& word) const {
    const std::string text = says();
    const auto at = text.find(word);
    return at == std::string::npos ? 0 : std::atoi(text.c_str() + at + word.size());
  }

 private:
  static int& number() {
    static int n = 0;
    return n;
  }
  std::string output_;
  weft::detail::child_process child_;
};

inline bool runs(int id) { return ::kill(id, 0) == 0; }
/// Whether the process has a handler for the signal.
inline bool catches(int id, int number) {
  const std::string status = content("/proc/" + std::to_string(id) + "/status");
  const auto at = status.find("SigCgt:\t");
  if (at == std::string::npos) return false;
  return ((std::strtoull(status.c_str() + at + 8, nullptr, 16) >> (number - 1)) & 1) != 0;
}

/// A scheduler in this process.
class scheduler {
 public:
  explicit scheduler(weft::net::server_options o = {}) {
    using namespace weft::net;
    const address_kind kind = o.who.has_identity() ? address_kind::tls : address_kind::tcp;
    o.listen.push_back({kind, "127.0.0.1", 0});
    server = scheduler_server::make(threads, std::move(o));
    address = to_string(server->start().front());
    threads.spawn(run(server));
  }
  ~scheduler() {
    server->stop("the test ends");
    threads.drain();
  }
  weft::pool threads{{.threads = 1}};
  std::shared_ptr<weft::net::scheduler_server> server;
  std::string address;

 private:
  static weft::task<> run(std::shared_ptr<weft::net::scheduler_server> s) {
    co_await weft::net::scheduler_server::run(std::move(s));
  }
};

}  // namespace nanny_test
