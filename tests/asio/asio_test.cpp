#include <array>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/bind_executor.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/experimental/awaitable_operators.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/steady_timer.hpp>
#include <asio/strand.hpp>
#include <asio/thread_pool.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#include <asio/write.hpp>
#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "weft/asio.hpp"
#include "weft/weft.hpp"

namespace {

using asio::ip::tcp;
using namespace std::chrono_literals;

struct no_default {
  explicit no_default(int v) : value(v) {}
  int value;
};

weft::task<int> twice(int x) {
  co_await weft::yield();
  co_return 2 * x;
}
weft::task<std::unique_ptr<int>> boxed(int x) { co_return std::make_unique<int>(x); }
weft::task<no_default> plain(int x) {
  if (x < 0) throw std::out_of_range("negative");
  co_return no_default(x);
}
weft::task<int> failing() {
  co_await weft::yield();
  throw std::runtime_error("on purpose");
}
weft::task<> for_ever(std::atomic<int>& begun, std::atomic<int>& ended) {
  ++begun;
  try {
    co_await weft::sleep_for(24h);
  } catch (...) {
    ++ended;
    throw;
  }
}

tcp::endpoint any_port() { return {asio::ip::address_v4::loopback(), 0}; }

}  // namespace

TEST_CASE("a task is an Asio operation for every kind of token", "[asio]") {
  weft::pool pool({.threads = 2});
  CHECK(pool.spawn(twice(21), asio::use_future).get() == 42);
  CHECK(*pool.spawn(boxed(7), asio::use_future).get() == 7);
  CHECK_THROWS_WITH(pool.spawn(failing(), asio::use_future).get(), "on purpose");
  CHECK_NOTHROW(pool.spawn([]() -> weft::task<> { co_return; }(), asio::use_future).get());

  asio::io_context io;
  std::thread::id completed_on;
  int value = 0;
  auto work = asio::make_work_guard(io);
  pool.spawn(twice(4), asio::bind_executor(io.get_executor(), [&](std::exception_ptr e, int v) {
               CHECK_FALSE(e);
               value = v;
               completed_on = std::this_thread::get_id();
               work.reset();
             }));
  io.run();
  CHECK(value == 8);
  CHECK(completed_on == std::this_thread::get_id());
}

TEST_CASE("an Asio coroutine awaits tasks, with values, errors and types without a default", "[asio]") {
  weft::pool pool({.threads = 2});
  asio::io_context io;
  auto host = [](weft::pool& p) -> asio::awaitable<int> {
    int sum = co_await p.spawn(twice(10), asio::use_awaitable);
    const no_default n = co_await p.spawn(plain(5), asio::use_awaitable);
    sum += n.value;
    try {
      const no_default never = co_await p.spawn(plain(-1), asio::use_awaitable);
      sum += never.value;
    } catch (const std::out_of_range&) { sum += 100; }
    co_return sum;
  };
  auto result = asio::co_spawn(io, host(pool), asio::use_future);
  io.run();
  CHECK(result.get() == 125);
}

TEST_CASE("the slot's cancellation reaches the task", "[asio]") {
  weft::pool pool({.threads = 2});
  asio::io_context io;
  std::atomic<int> begun{0}, ended{0};
  SECTION("by a signal") {
    asio::cancellation_signal signal;
    std::exception_ptr error;
    auto work = asio::make_work_guard(io);
    pool.spawn(for_ever(begun, ended),
               asio::bind_cancellation_slot(signal.slot(), asio::bind_executor(io, [&](std::exception_ptr e) {
                                              error = e;
                                              work.reset();
                                            })));
    asio::post(io, [&] { signal.emit(asio::cancellation_type::all); });
    io.run();
    REQUIRE(error);
    CHECK_THROWS_AS(std::rethrow_exception(error), weft::cancelled);
  }
  SECTION("by an awaitable operator") {
    auto host = [](weft::pool& p, std::atomic<int>& b, std::atomic<int>& e) -> asio::awaitable<std::size_t> {
      using namespace asio::experimental::awaitable_operators;
      asio::steady_timer soon(co_await asio::this_coro::executor, 1ms);
      auto which = co_await (p.spawn(for_ever(b, e), asio::use_awaitable) || soon.async_wait(asio::use_awaitable));
      co_return which.index();
    };
    auto which = asio::co_spawn(io, host(pool, begun, ended), asio::use_future);
    io.run();
    CHECK(which.get() == 1);
  }
  CHECK(begun.load() == ended.load());
}

TEST_CASE("too many tasks from outside is an error of the operation", "[asio]") {
  weft::pool pool({.threads = 1, .max_waiting = 4});
  std::atomic<bool> go{false};
  auto hold = [](std::atomic<bool>& open) -> weft::task<> {
    while (!open.load()) std::this_thread::yield();
    co_return;
  };
  std::vector<std::future<void>> all;
  for (int i = 0; i < 50; ++i) all.push_back(pool.spawn(hold(go), asio::use_future));
  int refused = 0;
  go.store(true);
  for (auto& f : all) {
    try {
      f.get();
    } catch (const weft::overloaded&) { ++refused; }
  }
  CHECK(refused >= 50 - 1 - 4 - 16);  // one runs, four wait, and a batch may be in the worker's hands
}

TEST_CASE("a task awaits Asio operations on the pool's own context", "[asio]") {
  weft::pool pool({.threads = 2});
  auto echo = [](tcp::acceptor& a) -> weft::task<> {
    tcp::socket s = co_await a.async_accept(weft::use_task);
    char buffer[64];
    for (;;) {
      const std::size_t n = co_await s.async_read_some(asio::buffer(buffer), weft::use_task);
      co_await asio::async_write(s, asio::buffer(buffer, n), weft::use_task);
    }
  };
  auto client = [](weft::pool& p, tcp::endpoint e) -> weft::task<int> {
    tcp::socket s(p.get_executor());
    co_await s.async_connect(e, weft::use_task);
    int sum = 0;
    for (int i = 0; i < 200; ++i) {
      char c[3] = {1, 2, static_cast<char>(i % 100)};
      co_await asio::async_write(s, asio::buffer(c), weft::use_task);
      char back[3] = {};
      co_await asio::async_read(s, asio::buffer(back), weft::use_task);
      sum += back[2];
      REQUIRE(weft::detail::current_pool() == &p.core());
    }
    co_return sum;
  };
  auto both = [&](weft::pool& p) -> weft::task<int> {
    tcp::acceptor a(p.get_executor(), any_port());
    auto serve = weft::as_result(echo(a));
    auto as_int = [](weft::task<> t) -> weft::task<int> {
      co_await std::move(t);
      co_return -1;
    };
    static_cast<void>(serve);
    const weft::winner<int> first = co_await weft::any(as_int(echo(a)), client(p, a.local_endpoint()));
    co_return first.value;
  };
  CHECK(pool.run(both(pool)) == 2 * 4950);
}

TEST_CASE("an Asio operation's error is a system_error; a stop cancels it through its executor", "[asio]") {
  asio::io_context io;
  auto guard = asio::make_work_guard(io);
  std::thread other([&] { io.run(); });
  {
    weft::pool pool({.threads = 2});
    auto refused = [](asio::io_context& c) -> weft::task<std::string> {
      tcp::acceptor taken(c, any_port());
      const auto nobody = taken.local_endpoint();
      taken.close();
      tcp::socket s(c);
      try {
        co_await s.async_connect(nobody, weft::use_task);
      } catch (const std::system_error& e) {
        co_return e.code() == asio::error::connection_refused ? "refused" : e.what();
      }
      co_return "connected";
    };
    CHECK(pool.run(refused(io)) == "refused");

    auto accept = [](asio::io_context& c, bool own, weft::pool& p) -> weft::task<> {
      tcp::acceptor a = own ? tcp::acceptor(p.get_executor(), any_port()) : tcp::acceptor(c, any_port());
      co_await a.async_accept(weft::use_task);
    };
    auto limited = [&](bool own) -> weft::task<bool> {
      try {
        co_await weft::timeout(1ms, accept(io, own, pool));
      } catch (const weft::timed_out&) { co_return true; }
      co_return false;
    };
    for (int i = 0; i < 20; ++i) {
      CHECK(pool.run(limited(false)));
      CHECK(pool.run(limited(true)));
    }
  }
  guard.reset();
  other.join();
}

TEST_CASE("stop and completion race on a timer without loss", "[asio]") {
  asio::thread_pool io(1);
  weft::pool pool({.threads = 2});
  auto wait = [](asio::thread_pool& c, int us) -> weft::task<int> {
    asio::steady_timer t(c, std::chrono::microseconds(us));
    co_await t.async_wait(weft::use_task);
    co_return 1;
  };
  auto many = [&](int n) -> weft::task<int> {
    int ended = 0;
    for (int i = 0; i < n; ++i) {
      try {
        ended += co_await weft::timeout(std::chrono::microseconds((i * 7) % 60), wait(io, i % 60));
      } catch (const weft::timed_out&) { ++ended; }  // anything else comes out
    }
    co_return ended;
  };
  CHECK(pool.run(many(2000)) == 2000);
}

TEST_CASE("an io_context that ends ends the operations of tasks that it has not run", "[asio]") {
  weft::pool pool({.threads = 1});
  auto io = std::make_unique<asio::io_context>();
  auto acceptor = std::make_unique<tcp::acceptor>(*io, any_port());
  auto work = std::make_optional(asio::make_work_guard(*io));
  std::atomic<bool> waits{false};
  auto accepts = [](tcp::acceptor& a) -> weft::task<> { co_await a.async_accept(weft::use_task); };
  auto says = [](std::atomic<bool>& w) -> weft::task<> {  // on a lone worker: after the accept has been handed over
    w = true;
    co_return;
  };
  auto whole = [](weft::task<> a, weft::task<> b, std::string& ended) -> weft::task<> {
    try {
      co_await weft::all(std::move(a), std::move(b));
    } catch (const weft::cancelled&) {
      ended = "cancelled";
      throw;
    } catch (const std::system_error& e) {
      ended = e.code() == asio::error::operation_aborted ? "aborted" : e.what();
      throw;
    }
  };
  std::string ended;
  pool.spawn(whole(accepts(*acceptor), says(waits), ended));
  while (!waits.load()) std::this_thread::yield();
  auto end_of_context = [&] {
    work.reset();
    io->stop();
    acceptor.reset();
    io.reset();
  };
  SECTION("the operation is under way") {
    CHECK(io->run_one() == 1);
    end_of_context();
    CHECK_THROWS_AS(pool.drain(), std::system_error);
    CHECK(ended == "aborted");
  }
  SECTION("its start is queued") {
    end_of_context();
    CHECK_THROWS_AS(pool.drain(), std::system_error);
    CHECK(ended == "aborted");
  }
  SECTION("its start is queued, and it is stopped") {
    pool.request_stop();
    end_of_context();
    CHECK_NOTHROW(pool.drain());
    CHECK(ended == "cancelled");
  }
  SECTION("a stop is on its way") {
    CHECK(io->run_one() == 1);
    pool.request_stop();
    end_of_context();
    CHECK_NOTHROW(pool.drain());
    CHECK(ended == "cancelled");
  }
  SECTION("it has completed, and a stop is on its way") {
    CHECK(io->run_one() == 1);
    acceptor->close();
    pool.request_stop();
    end_of_context();
    CHECK_NOTHROW(pool.drain());
    CHECK(ended == "cancelled");
  }
}

TEST_CASE("what an initiation throws comes out of the await", "[asio]") {
  weft::pool pool({.threads = 1});
  auto fails = [](bool keeps) -> weft::task<> {
    asio::io_context io;
    co_await asio::async_initiate<const weft::use_task_t&, void(std::error_code)>(
        [](auto handler, asio::io_context* queue, bool posts) {
          if (posts) asio::post(*queue, [h = std::move(handler)]() mutable { h(std::error_code()); });
          if (posts) queue->run();
          throw std::out_of_range("from the initiation");
        },
        weft::use_task, &io, keeps);
  };
  CHECK_THROWS_AS(pool.run(fails(false)), std::out_of_range);
  CHECK_THROWS_AS(pool.run(fails(true)), std::out_of_range);
}

TEST_CASE("a value that cannot be copied is the operation's failure", "[asio]") {
  struct brittle {
    brittle() = default;
    brittle(const brittle&) { throw std::out_of_range("no copies"); }
  };
  weft::pool pool({.threads = 1});
  auto awaits = []() -> weft::task<> {
    co_await asio::async_initiate<const weft::use_task_t&, void(brittle)>(
        [](auto handler) {
          const brittle b;
          handler(b);
        },
        weft::use_task);
  };
  CHECK_THROWS_AS(pool.run(awaits()), std::out_of_range);
}

TEST_CASE("an operation completes, as cancelled, even if its task is stopped before it begins", "[asio]") {
  for (int i = 0; i < 50; ++i) {
    weft::pool pool({.threads = 1});
    std::atomic<bool> open{false};
    auto hold = [](std::atomic<bool>& o) -> weft::task<> {
      while (!o.load()) std::this_thread::yield();
      co_return;
    };
    pool.spawn(hold(open));
    auto never = pool.spawn(twice(1), asio::use_future);
    pool.request_stop();
    open = true;
    CHECK_THROWS_AS(never.get(), weft::cancelled);
  }
}

TEST_CASE("a handler that runs long holds up neither the input of others nor other handlers", "[asio]") {
  weft::pool pool({.threads = 2});
  const weft::pool_executor ex(pool);
  std::atomic<bool> done{false}, began{false};
  asio::steady_timer first(ex, 1ms);
  std::promise<void> ended;
  first.async_wait([&](std::error_code) {  // a handler of the user's, not a task
    began = true;
    while (!done.load()) std::this_thread::yield();
    ended.set_value();
  });
  auto io = [](weft::pool_executor e, std::atomic<bool>& b, std::atomic<bool>& d) -> weft::task<> {
    while (!b.load()) co_await weft::sleep_for(100us);
    for (int i = 0; i < 10; ++i) {
      asio::steady_timer t(e, 1ms);
      co_await t.async_wait(weft::use_task);
    }
    d = true;
  };
  pool.run(io(ex, began, done));
  ended.get_future().get();
}

TEST_CASE("composed operations on the pool's own sockets are cancelled at any step", "[asio]") {
  weft::pool pool({.threads = 2});
  auto whole = [](weft::pool& p) -> weft::task<int> {
    tcp::acceptor acceptor(p.get_executor(), any_port());
    tcp::socket client(p.get_executor());
    auto accepts = [](tcp::acceptor& a) -> weft::task<tcp::socket> {
      co_return co_await a.async_accept(weft::use_task);
    };
    auto connects = [](tcp::socket& s, tcp::endpoint e) -> weft::task<> {
      co_await s.async_connect(e, weft::use_task);
    };
    auto [server, none] = co_await weft::all(accepts(acceptor), connects(client, acceptor.local_endpoint()));
    static_cast<void>(none);
    int stopped = 0;
    for (int i = 0; i < 300; ++i) {
      // Reads bytes that come one at a time, and not all: a step for each, the last waits for ever.
      auto reads = [](tcp::socket& s) -> weft::task<> {
        std::array<char, 256> b{};
        co_await asio::async_read(s, asio::buffer(b), weft::use_task);
      };
      auto writes = [](tcp::socket& s) -> weft::task<> {
        for (char c = 0; c < 12; ++c) co_await asio::async_write(s, asio::buffer(&c, 1), weft::use_task);
      };
      auto limited = [](weft::task<> t, int us) -> weft::task<bool> {
        try {
          co_await weft::timeout(std::chrono::microseconds(us), std::move(t));
        } catch (const weft::timed_out&) { co_return true; }
        co_return false;
      };
      auto [over, sent] = co_await weft::all(limited(reads(server), i), writes(client));
      static_cast<void>(sent);
      stopped += over ? 1 : 0;
      std::array<char, 64> rest{};
      server.non_blocking(true);
      std::error_code e;
      while (server.read_some(asio::buffer(rest), e) != 0 && !e) {}
    }
    co_return stopped;
  };
  CHECK(pool.run(whole(pool)) == 300);
}

TEST_CASE("the pool is an Asio executor", "[asio]") {
  weft::pool pool({.threads = 2});
  auto ex = pool.get_executor();
  CHECK(ex == weft::pool_executor(pool));
  std::atomic<int> ran{0};
  asio::any_io_executor any = ex;
  auto strand = asio::make_strand(any);
  int unguarded = 0;  // only the strand touches it
  for (int i = 0; i < 1000; ++i) {
    asio::post(ex, [&] { ++ran; });
    asio::post(strand, [&] { ++unguarded; });
  }
  std::promise<void> last;
  asio::post(strand, [&] { last.set_value(); });
  last.get_future().get();
  CHECK(unguarded == 1000);
  while (ran.load() < 1000) std::this_thread::yield();
  auto thrower = [&] { throw std::runtime_error("from a handler"); };
  std::promise<void> after;
  asio::post(ex, thrower);
  pool.run([]() -> weft::task<> { co_return; }());
  bool thrown = false;
  while (!thrown) {  // the handler is no task, which drain would wait for
    try {
      pool.drain();
    } catch (const std::runtime_error& e) { thrown = std::string(e.what()) == "from a handler"; }
  }
  CHECK(thrown);
}
