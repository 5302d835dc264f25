// Cancellation and time limits: losers are stopped and awaited, a limit stops what runs too long, a failure stops
// its siblings. Nothing is left running when an await has returned.
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <string>

#include "weft/weft.hpp"

using namespace std::chrono_literals;

// Stands for a server that answers after some time; its destructors run when it is stopped while it waits.
weft::task<std::string> replica(std::string name, std::chrono::milliseconds delay) {
  co_await weft::sleep_for(delay);
  co_return "answer of " + name;
}

// A long computation asks now and then whether it is still wanted.
weft::task<> search_for_ever() {
  for (;;) co_await weft::checkpoint();
}

weft::task<> fails_when_told(weft::event& now) {
  co_await now.wait();
  throw std::runtime_error("disk on fire");
}

weft::task<> says_when_stopped(weft::event& begun, bool& stopped) {
  begun.set();
  try {
    co_await weft::sleep_for(24h);
  } catch (const weft::cancelled&) {
    stopped = true;
    throw;
  }
}

weft::task<> save_what_must_be_saved(bool& saved) {
  co_await weft::sleep_for(1ms);
  saved = true;
}

weft::task<> wins_when_told(weft::event& now) { co_await now.wait(); }

weft::task<> leaves_in_order(weft::event& begun, bool& saved) {
  begun.set();
  bool stopped = false;
  try {
    co_await weft::sleep_for(24h);
  } catch (const weft::cancelled&) {
    stopped = true;  // C++ has no co_await in a handler
  }
  if (stopped) co_await weft::shield(save_what_must_be_saved(saved));
}

weft::task<int> program() {
  // The first answer wins; the slower replica is stopped at once.
  const auto first = co_await weft::any(replica("near", 1ms), replica("far", 24h));
  std::printf("any: %s\n", first.value.c_str());

  try {
    co_await weft::timeout(5ms, search_for_ever());
  } catch (const weft::timed_out&) { std::printf("timeout: the search was stopped\n"); }

  // What has not begun yet is only destroyed when it is stopped: so each waits until the other is there.
  weft::event running;
  bool stopped = false;
  try {
    co_await weft::all(says_when_stopped(running, stopped), fails_when_told(running));
  } catch (const std::runtime_error& e) {
    std::printf("all: %s; its sibling %s\n", e.what(), stopped ? "was stopped" : "STILL RUNS");
  }

  weft::event waiting;
  bool saved = false;
  co_await weft::any(leaves_in_order(waiting, saved), wins_when_told(waiting));
  std::printf("shield: %s\n", saved ? "saved before it left" : "LOST");
  co_return stopped&& saved ? 0 : 1;
}

int main() { return weft::run(program()); }
