// asio.*: hops between an Asio program and a pool, and a server that computes.
#include <asio/awaitable.hpp>
#include <asio/bind_executor.hpp>
#include <asio/buffer.hpp>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/use_future.hpp>
#include <asio/write.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <random>
#include <stdexcept>
#include <thread>

#include "asio_peer.hpp"
#include "harness.hpp"
#include "weft/asio.hpp"
#include "weft/weft.hpp"

namespace bench {
namespace {

using asio::ip::tcp;

std::int64_t now_ns() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

// ---- hops ----------------------------------------------------------------------------------------------

struct hop {
  std::int64_t in = 0, out = 0;
};

weft::task<std::int64_t> note_time() { co_return now_ns(); }

/// One request at a time from this thread, which spins in its io_context, to a pool whose worker spins.
hop median_hops(weft::pool& pool, std::size_t n) {
  asio::io_context io(1);
  auto work = asio::make_work_guard(io);
  std::vector<double> in, out;
  for (std::size_t i = 0; i < n; ++i) {
    bool done = false;
    std::int64_t began = 0, ended = 0;
    const std::int64_t asked = now_ns();
    pool.spawn(note_time(), asio::bind_executor(io.get_executor(), [&](std::exception_ptr, std::int64_t t) {
                 ended = now_ns();
                 began = t;
                 done = true;
               }));
    while (!done) io.poll();
    in.push_back(static_cast<double>(began - asked));
    out.push_back(static_cast<double>(ended - began));
  }
  return {static_cast<std::int64_t>(quantile(in, 0.5)), static_cast<std::int64_t>(quantile(out, 0.5))};
}

/// One way between two threads that spin in an io_context each, with asio::post alone.
double median_bare_hop(std::size_t n) {
  asio::io_context there(1);
  auto work = asio::make_work_guard(there);
  std::atomic<bool> quit{false};
  std::atomic<std::int64_t> arrived{0};
  std::thread other([&] {
    while (!quit.load()) there.poll();
  });
  std::vector<double> ns;
  for (std::size_t i = 0; i < n; ++i) {
    arrived.store(0);
    const std::int64_t posted = now_ns();
    asio::post(there, [&] { arrived.store(now_ns()); });
    while (arrived.load() == 0) {}
    ns.push_back(static_cast<double>(arrived.load() - posted));
  }
  quit = true;
  other.join();
  return quantile(ns, 0.5);
}

sides hop_sides(const settings& s, std::int64_t hop::* which) {
  auto pool = std::make_shared<weft::pool>(
      weft::pool_options{.threads = 1, .idle = weft::idle_mode::latency, .spin = std::chrono::seconds(1)});
  const std::size_t n = s.size(std::size_t{50'000}, std::size_t{5'000});
  sides out;
  out.weft = [=] { return static_cast<double>(median_hops(*pool, n).*which); };
  out.peer = [=] { return median_bare_hop(n); };
  out.peer_name = asio_peer::name() + " post";
  out.note = "one spinning worker, one spinning io_context";
  return out;
}
const registered hop_in_("asio.hop_in", "ns", "from pool.spawn(task, token) on an io_context until the task runs",
                         [](const settings& s) { return hop_sides(s, &hop::in); });
const registered hop_out_("asio.hop_out", "ns", "from the task's end until the handler runs on the io_context",
                          [](const settings& s) { return hop_sides(s, &hop::out); });

// ---- a server that computes ----------------------------------------------------------------------------

/// About so many microseconds of work, the same on each call.
std::uint32_t work_for(std::uint32_t rounds, std::uint32_t seed) {
  for (std::uint32_t i = 0; i < rounds; ++i) seed = (seed ^ (seed >> 13) ^ i) * 16777619u;
  return seed;
}
std::uint32_t rounds_for_us(double us) {
  constexpr std::uint32_t probe = 2'000'000;
  double best = 1;
  for (int i = 0; i < 5; ++i) {
    const double begin = seconds_now();
    keep(work_for(probe, 7));
    best = std::min(best, seconds_now() - begin);
  }
  return static_cast<std::uint32_t>(probe * us * 1e-6 / best);
}

using message = std::array<std::uint32_t, 4>;  // request: a number; reply: what work_for makes of it

weft::task<std::uint32_t> compute(std::uint32_t rounds, std::uint32_t seed) { co_return work_for(rounds, seed); }

weft::task<> weft_session(tcp::socket socket, std::uint32_t rounds) {
  socket.set_option(tcp::no_delay(true));
  message m{};
  try {
    for (;;) {
      co_await asio::async_read(socket, asio::buffer(m), weft::use_task);
      m[0] = co_await compute(rounds, m[0]);
      co_await asio::async_write(socket, asio::buffer(m), weft::use_task);
    }
  } catch (const std::system_error&) {  // the client has gone
  }
}
weft::task<> weft_server(weft::nursery& sessions, tcp::acceptor& acceptor, std::uint32_t rounds) {
  for (;;) sessions.spawn(weft_session(co_await acceptor.async_accept(weft::use_task), rounds));
}
weft::task<> weft_service(tcp::acceptor& acceptor, std::uint32_t rounds) {
  co_await weft::scope(weft_server, std::ref(acceptor), rounds);
}

asio::awaitable<void> plain_session(tcp::socket socket, std::uint32_t rounds) {
  socket.set_option(tcp::no_delay(true));
  message m{};
  try {
    for (;;) {
      co_await asio::async_read(socket, asio::buffer(m), asio::use_awaitable);
      m[0] = work_for(rounds, m[0]);
      co_await asio::async_write(socket, asio::buffer(m), asio::use_awaitable);
    }
  } catch (const std::system_error&) {}
}
asio::awaitable<void> plain_server(tcp::acceptor& acceptor, std::uint32_t rounds) {
  for (;;) {
    tcp::socket s = co_await acceptor.async_accept(asio::use_awaitable);
    asio::co_spawn(acceptor.get_executor(), plain_session(std::move(s), rounds), asio::detached);
  }
}

/// The server on a pool.
class weft_echo {
 public:
  weft_echo(unsigned threads, std::uint32_t rounds)
      : pool_({.threads = threads}), acceptor_(pool_.get_executor(), {asio::ip::address_v4::loopback(), 0}) {
    pool_.spawn(weft_service(acceptor_, rounds));
  }
  ~weft_echo() { pool_.cancel(); }
  tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }

 private:
  weft::pool pool_;
  tcp::acceptor acceptor_;
};

/// The same without a pool: an io_context on as many threads, each of which computes what it reads.
class plain_echo {
 public:
  plain_echo(unsigned threads, std::uint32_t rounds)
      : io_(static_cast<int>(threads)), acceptor_(io_, {asio::ip::address_v4::loopback(), 0}) {
    asio::co_spawn(io_, plain_server(acceptor_, rounds), asio::detached);
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { io_.run(); });
  }
  ~plain_echo() {
    io_.stop();
    for (auto& t : threads_) t.join();
  }
  tcp::endpoint endpoint() const { return acceptor_.local_endpoint(); }

 private:
  asio::io_context io_;
  tcp::acceptor acceptor_;
  std::vector<std::thread> threads_;
};

asio::awaitable<void> ask_often(tcp::endpoint server, std::size_t n, std::vector<double>& us, std::uint32_t rounds) {
  tcp::socket socket(co_await asio::this_coro::executor);
  co_await socket.async_connect(server, asio::use_awaitable);
  socket.set_option(tcp::no_delay(true));
  for (std::size_t i = 0; i < n; ++i) {
    message m{static_cast<std::uint32_t>(i)};
    const double begin = seconds_now();
    co_await asio::async_write(socket, asio::buffer(m), asio::use_awaitable);
    co_await asio::async_read(socket, asio::buffer(m), asio::use_awaitable);
    us.push_back((seconds_now() - begin) * 1e6);
    if (i == 0 && m[0] != work_for(rounds, 0)) throw wrong("the server computed something else");
  }
}

/// A closed loop of so many connections on this thread; seconds for all of it, and the latencies.
double drive(tcp::endpoint server, std::size_t connections, std::size_t each, std::uint32_t rounds,
             std::vector<double>& us) {
  asio::io_context io(1);
  std::vector<std::future<void>> all;
  const double begin = seconds_now();
  for (std::size_t i = 0; i < connections; ++i)
    all.push_back(asio::co_spawn(io, ask_often(server, each, us, rounds), asio::use_future));
  io.run();
  for (auto& f : all) f.get();
  return seconds_now() - begin;
}

sides echo_sides(const settings& s, std::size_t connections, bool latency) {
  const std::uint32_t rounds = rounds_for_us(100);
  auto weft_side = std::make_shared<weft_echo>(s.threads, rounds);
  auto plain_side = std::make_shared<plain_echo>(s.threads, rounds);
  const std::size_t each = s.size(std::size_t{6400}, std::size_t{640}) / connections;
  const auto run = [=](tcp::endpoint e) {
    std::vector<double> us;
    const double seconds = drive(e, connections, each, rounds, us);
    return latency ? quantile(us, 0.5) : seconds * 1e6 / static_cast<double>(connections * each);
  };
  sides out;
  out.weft = [=] { return run(weft_side->endpoint()); };
  out.peer = [=] { return run(plain_side->endpoint()); };
  out.peer_name = asio_peer::name() + " inline";
  out.note = std::to_string(connections) + (connections == 1 ? " connection" : " connections") + ", 100 us a request";
  return out;
}
const registered echo_("asio.echo_compute", "us/request",
                       "a server that computes 100 us a request, 64 connections: throughput",
                       [](const settings& s) { return echo_sides(s, 64, false); });
const registered echo_one_("asio.echo_compute_p50", "us", "the same with one connection: the median latency",
                           [](const settings& s) { return echo_sides(s, 1, true); });

// ---- latency under load --------------------------------------------------------------------------------

struct stamped {
  std::int64_t sent;
  std::int64_t answered;
};

weft::task<> stamping_session(tcp::socket socket, std::uint32_t rounds, std::vector<double>& us,
                              std::atomic<std::size_t>& served) {
  socket.set_option(tcp::no_delay(true));
  stamped m{};
  try {
    for (;;) {
      co_await asio::async_read(socket, asio::buffer(&m, sizeof m), weft::use_task);
      keep(co_await compute(rounds, 1));
      co_await asio::async_write(socket, asio::buffer(&m, sizeof m), weft::use_task);
      us.push_back(static_cast<double>(now_ns() - m.sent) * 1e-3);
      served.fetch_add(1);
    }
  } catch (const std::system_error&) {}
}
weft::task<> one_session(tcp::acceptor& acceptor, std::uint32_t rounds, std::vector<double>& us,
                         std::atomic<std::size_t>& served) {
  tcp::socket s = co_await acceptor.async_accept(weft::use_task);
  co_await stamping_session(std::move(s), rounds, us, served);
}
weft::task<> batch(std::uint32_t rounds, std::atomic<bool>& end) {
  auto piece = [](std::uint32_t r) -> weft::task<> {
    keep(work_for(r, 3));
    co_return;
  };
  while (!end.load(std::memory_order_relaxed)) {
    co_await piece(rounds);
    co_await weft::yield();
  }
}

/// The 99th percentile from the moment a request can be read until its reply is written, in milliseconds. Open loop:
/// requests are sent at random times, whether or not those before were answered.
double latency_under_load(unsigned threads, std::size_t requests, std::uint32_t request_rounds,
                          std::uint32_t batch_rounds) {
  weft::pool pool({.threads = threads});
  const weft::pool_executor urgent(pool, weft::priority::interactive);
  tcp::acceptor acceptor(urgent, {asio::ip::address_v4::loopback(), 0});
  std::atomic<bool> end{false};
  std::atomic<std::size_t> served{0};
  std::vector<double> us;
  us.reserve(requests);
  for (unsigned i = 0; i < 4 * threads; ++i) pool.spawn(batch(batch_rounds, end), weft::priority::batch);
  pool.spawn(one_session(acceptor, request_rounds, us, served), weft::priority::interactive);
  asio::io_context io;
  tcp::socket client(io);
  client.connect(acceptor.local_endpoint());
  client.set_option(tcp::no_delay(true));
  std::mt19937 random(7);
  std::exponential_distribution<double> gap(1.0 / 2500);  // microseconds
  stamped m{};
  std::array<std::byte, 4096> replies;
  client.non_blocking(true);
  for (std::size_t i = 0; i < requests; ++i) {
    std::this_thread::sleep_for(std::chrono::microseconds(static_cast<long>(gap(random)) + 50));
    m.sent = now_ns();
    std::error_code e;
    asio::write(client, asio::buffer(&m, sizeof m), e);
    if (e) throw wrong("the client could not write: " + e.message());
    while (client.read_some(asio::buffer(replies), e) != 0 && !e) {}
  }
  while (served.load() < requests) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  client.close();
  end = true;
  pool.drain();
  return quantile(us, 0.99) * 1e-3;
}

const registered latency_("asio.latency_under_load", "ms",
                          "p99 of a 100 us request while a batch of 1 ms tasks fills every core",
                          [](const settings& s) {
                            const std::uint32_t request = rounds_for_us(100), batch_piece = rounds_for_us(1000);
                            const std::size_t n = s.size(std::size_t{1000}, std::size_t{200});
                            sides out;
                            out.weft = [=] { return latency_under_load(s.threads, n, request, batch_piece); };
                            out.note = "open loop, 400 requests a second";
                            return out;
                          });

}  // namespace
}  // namespace bench
