// The stop state: callbacks and children that come and go while a stop is requested.
#include <catch2/catch.hpp>
#include <cstdint>
#include <optional>

#include "support/interleave.hpp"
#include "weft/detail/stop_state.hpp"

using namespace weft::test::interleave;

namespace {

using state = weft::detail::basic_stop_state<memory>;
using callback = weft::detail::basic_stop_callback<memory>;
using word = memory::atomic<std::uint32_t>;

struct counted : callback {
  counted() : callback([](callback& c) noexcept { static_cast<counted&>(c).calls.fetch_add(1); }) {}
  word calls{0};
};

}  // namespace

TEST_CASE("stop: a callback is invoked once or never, and not after it was removed", "[interleave]") {
  explore({.seeds = 8000}, [](run& r) {
    state root;
    word stopped{0};
    const auto listener = [&] {
      std::optional<counted> c(std::in_place);
      const bool added = root.add(*c);
      if (!added) {
        r.require(c->calls.load() == 0, "a callback was invoked that was refused");
        return;
      }
      stopped.load();
      root.remove(*c);
      r.require(c->calls.load() <= 1, "a callback was invoked twice");
      c.reset();  // an invocation after this would be a use of what is gone
    };
    r.thread(listener);
    r.thread(listener);
    r.thread([&] {
      r.require(root.request_stop(), "the first request was refused");
      stopped.store(1);
      counted late;
      r.require(!root.add(late), "a stopped state took a callback");
    });
    r.go();
    r.require(root.stop_requested(), "the request is gone");
  });
}

TEST_CASE("stop: who stays is told", "[interleave]") {
  explore({.seeds = 5000}, [](run& r) {
    state root;
    counted c;
    bool added = false;
    r.thread([&] { added = root.add(c); });
    r.thread([&] { root.request_stop(); });
    r.go();
    r.require(c.calls.load() == (added ? 1u : 0u), "a callback that stayed was not invoked once");
    if (added) root.remove(c);
  });
}

TEST_CASE("stop: it reaches states below, however deep, while they come and go", "[interleave]") {
  explore({.seeds = 8000}, [](run& r) {
    state root;
    word requested{0};
    const auto branch = [&] {
      state middle(&root);
      state below(&middle);
      counted c;
      const bool added = below.add(c);
      const bool was_requested = requested.load() != 0;
      const bool told = below.stop_requested();
      r.require(!was_requested || told, "a state below did not hear of a request that had returned");
      if (added) below.remove(c);
      r.require(!was_requested || !added || c.calls.load() == 1, "its callback was not invoked");
    };
    r.thread(branch);
    r.thread(branch);
    r.thread([&] {
      root.request_stop();
      requested.store(1);
    });
    r.go();
  });
}

TEST_CASE("stop: two threads that ask link a state once", "[interleave]") {
  explore({.seeds = 8000}, [](run& r) {
    state root;
    state middle(&root);
    word asked{0};
    bool heard[2] = {};
    for (bool& h : heard)
      r.thread([&root, &middle, &asked, &h] {
        state own(&middle);
        own.stop_requested();
        asked.fetch_add(1);
        static_cast<void>(root);
        while (!own.stop_requested()) memory::pause();
        h = true;
      });
    r.thread([&] {
      asked.load();
      root.request_stop();
    });
    r.go();
    r.require(heard[0] && heard[1], "one did not hear");
  });
}

TEST_CASE("stop: a callback may remove itself, and others, while it runs", "[interleave]") {
  struct selfish : callback {
    explicit selfish(state& s)
        : callback([](callback& c) noexcept {
            auto& self = static_cast<selfish&>(c);
            self.of.remove(c);
            self.calls.fetch_add(1);
          }),
          of(s) {}
    state& of;
    word calls{0};
  };
  explore({.seeds = 3000}, [](run& r) {
    state root;
    selfish a(root), b(root);
    REQUIRE(root.add(a));
    REQUIRE(root.add(b));
    r.thread([&] { root.request_stop(); });
    r.thread([&] { root.request_stop(); });
    r.go();
    r.require(a.calls.load() == 1 && b.calls.load() == 1, "one was not invoked once");
  });
}
