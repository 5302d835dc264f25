// cluster.transfer*: a large value, from one worker to another.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../harness.hpp"
#include "held_link.hpp"
#include "place.hpp"
#include "raw.hpp"

namespace bench {
namespace {

using numbers = std::vector<double>;

/// Each run another value, so that nobody has it.
numbers make(std::size_t n, double first) {
  numbers v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = first + static_cast<double>(i);
  return v;
}
double ends_of(const numbers& v) { return v.front() + v.back(); }

weft::task<double> between_workers(weft::client& c, std::size_t n, double first) {
  auto a = c.with({.resources = on(0)}), b = c.with({.resources = on(1)});
  auto value = a.submit(make, n, first);
  std::vector<weft::future<numbers>> made{value};
  co_await c.wait(std::move(made));
  const double begin = seconds_now();
  const double ends = co_await b.submit(ends_of, value);
  const double took = seconds_now() - begin;
  if (ends != 2 * first + static_cast<double>(n - 1)) throw wrong("a value that was transferred is another one");
  co_return took;
}

sides transfer(const settings& s, transport by, raw_transfer::kind raw_by, const char* limit) {
  const std::size_t bytes = s.size(std::size_t{256}, std::size_t{64}) << 20;
  auto raw = std::make_shared<raw_transfer>(raw_by, bytes);
  auto here = std::make_shared<cluster_place>(by);
  auto fresh = std::make_shared<std::vector<double>>();
  const double ns = 1e9 / static_cast<double>(bytes);
  sides out;
  out.weft = [=, run = 0.0]() mutable {
    return here->pool.run(between_workers(here->client, bytes / sizeof(double), run += 1)) * ns;
  };
  out.peer = [=] {
    fresh->push_back(raw->run(true) * ns);
    return raw->run() * ns;
  };
  out.peer_name = limit;
  out.late_note = [=] {
    char text[96];
    std::snprintf(text, sizeof text, "%zu MiB; the limit into memory that was not used before: %.3g", bytes >> 20,
                  fresh->empty() ? 0.0 : quantile(*fresh, 0.5));
    return std::string(text);
  };
  return out;
}

const registered transfer_("cluster.transfer", "ns/byte", "a task takes a large value of the other worker, over TCP",
                           [](const settings& s) {
                             return transfer(s, transport::tcp, raw_transfer::kind::tcp, "limit: raw TCP socket");
                           });
const registered unix_("cluster.transfer_unix", "ns/byte", "the same over a Unix socket", [](const settings& s) {
  return transfer(s, transport::unix_socket, raw_transfer::kind::unix_socket, "limit: raw Unix socket");
});
const registered tls_("cluster.transfer_tls", "ns/byte", "the same over TLS", [](const settings& s) {
  return transfer(s, transport::tls, raw_transfer::kind::tls, "limit: bare OpenSSL over TCP, TLS 1.3");
});

/// A column of prices that walk at random: zstd at level 1 makes it 4.5 times as small.
numbers prices(std::size_t n) {
  numbers v(n);
  std::uint64_t state = 88172645463325252u;
  std::int64_t cents = 1'000'000;
  for (double& x : v) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    cents += static_cast<std::int64_t>(state % 21) - 10;
    x = static_cast<double>(cents) / 100;
  }
  return v;
}

const registered zstd_("cluster.transfer_zstd", "ns/byte",
                       "a column of prices over a link held to 1 Gbit/s, compressed; the same not compressed",
                       [](const settings& s) {
                         struct both {
                           explicit both(std::size_t n) : value(prices(n)) {}
                           numbers value;
                           held_link smaller{true}, plain{false};
                         };
                         const std::size_t bytes = s.size(std::size_t{64}, std::size_t{16}) << 20;
                         auto all = std::make_shared<both>(bytes / sizeof(double));
                         const double ns = 1e9 / static_cast<double>(bytes);
                         sides out;
                         out.weft = [=] { return all->smaller.send(std::as_bytes(std::span(all->value))) * ns; };
                         out.peer = [=] { return all->plain.send(std::as_bytes(std::span(all->value))) * ns; };
                         out.peer_name = "weft without compression";
                         out.note = "two network namespaces, tc tbf; doubles of two decimals that walk at random";
                         return out;
                       });

}  // namespace
}  // namespace bench
