// cluster.round_trip, latency_under_load, chain, chain_local: how long one task takes, or one after another.
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "../graph_shapes.hpp"
#include "../harness.hpp"
#include "dask.hpp"
#include "place.hpp"
#include "raw.hpp"
#include "weft/lease.hpp"
#include "weft/sleep.hpp"

namespace bench {
namespace {

int increment(int x) { return x + 1; }

/// Works, without a pause, for so long.
int work(int microseconds) {
  const double end = seconds_now() + microseconds * 1e-6;
  while (seconds_now() < end) {}
  return microseconds;
}

weft::task<std::vector<double>> ask(weft::client& c, int n) {
  std::vector<double> seconds;
  seconds.reserve(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) {
    const double begin = seconds_now();
    const int value = co_await c.submit(increment, i);
    seconds.push_back(seconds_now() - begin);
    if (value != i + 1) throw wrong("a task gave a wrong value");
  }
  co_return seconds;
}

/// Medians are the sides' costs; the 99th percentiles go to the note.
struct both_tails {
  double note(std::vector<double>& tail, const std::vector<double>& seconds) {
    tail.push_back(quantile(seconds, 0.99) * 1e6);
    return quantile(seconds, 0.5) * 1e6;
  }
  std::string text() const {
    char line[128];
    std::snprintf(line, sizeof line, "p99 %.4g us", quantile(weft, 0.5));
    std::string all = line;
    if (raw.empty()) return all;
    std::vector<double> ratios;
    for (std::size_t i = 0; i < raw.size() && i < weft.size(); ++i) ratios.push_back(weft[i] / raw[i]);
    std::snprintf(line, sizeof line, ", the limit's %.4g us, ratio %.3f", quantile(raw, 0.5), quantile(ratios, 0.5));
    return all + line;
  }
  std::vector<double> weft, raw;
};

const registered round_trip_("cluster.round_trip", "us",
                             "one task submitted and awaited at a time, over TCP; a raw relay of three processes",
                             [](const settings& s) {
                               const auto n = s.size(5000, 500);
                               auto raw = std::make_shared<raw_round_trip>(raw_round_trip::route::relayed);
                               auto here = std::make_shared<cluster_place>(transport::tcp);
                               auto tails = std::make_shared<both_tails>();
                               sides out;
                               out.weft = [=] {
                                 return tails->note(tails->weft, here->pool.run(ask(here->client, n)));
                               };
                               out.peer = [=] {
                                 return tails->note(tails->raw, raw->sample(static_cast<std::size_t>(n)));
                               };
                               out.peer_name = "limit: raw relay over TCP";
                               out.late_note = [=] { return tails->text(); };
                               return out;
                             });

weft::task<std::vector<double>> call(const weft::lease& l, int n) {
  std::vector<double> seconds;
  seconds.reserve(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) {
    const double begin = seconds_now();
    const int value = co_await l.call(increment, i);
    seconds.push_back(seconds_now() - begin);
    if (value != i + 1) throw wrong("a call gave a wrong value");
  }
  co_return seconds;
}

struct leased_place {
  cluster_place at{transport::tcp};
  weft::lease held = at.pool.run(at.client.lease());
};

const registered leased_("cluster.round_trip_leased", "us",
                         "the same from the client to a worker of which it holds a slot; a raw ping-pong",
                         [](const settings& s) {
                           const auto n = s.size(10'000, 1000);
                           auto raw = std::make_shared<raw_round_trip>(raw_round_trip::route::direct);
                           auto here = std::make_shared<leased_place>();
                           auto tails = std::make_shared<both_tails>();
                           sides out;
                           out.weft = [=] {
                             return tails->note(tails->weft, here->at.pool.run(call(here->held, n)));
                           };
                           out.peer = [=] {
                             return tails->note(tails->raw, raw->sample(static_cast<std::size_t>(n)));
                           };
                           out.peer_name = "limit: raw ping-pong over TCP";
                           out.late_note = [=] { return tails->text(); };
                           return out;
                         });

weft::task<std::vector<double>> under_load(weft::client& c, int probes) {
  constexpr int batch_each = 8, probe_us = 100, batch_us = 1000;
  auto first = c.with({.priority = 1});
  std::vector<weft::future<int>> batch;
  for (int i = 0; i < probes * batch_each; ++i) batch.push_back(c.submit(work, batch_us));
  std::vector<double> ms;
  for (int i = 0; i < probes; ++i) {
    co_await weft::sleep_for(std::chrono::microseconds(1000 + i * 37 % 1000));
    const double begin = seconds_now();
    const int value = co_await first.submit(work, probe_us);
    ms.push_back((seconds_now() - begin) * 1e3);
    if (value != probe_us) throw wrong("a task gave a wrong value");
  }
  if (batch.back().done()) throw wrong("the batch has ended before the last probe: it was no load");
  c.cancel(batch);
  co_await c.wait(std::move(batch));
  co_return ms;
}

const registered load_("cluster.latency_under_load", "ms",
                       "p99 of a task of 100 us and of a higher priority, beside a batch of tasks of 1 ms",
                       [](const settings& s) {
                         auto here = std::make_shared<cluster_place>(transport::tcp);
                         auto medians = std::make_shared<std::vector<double>>();
                         sides out;
                         out.weft = [=, n = s.size(400, 100)] {
                           const std::vector<double> ms = here->pool.run(under_load(here->client, n));
                           medians->push_back(quantile(ms, 0.5));
                           return quantile(ms, 0.99);
                         };
                         out.late_note = [=] {
                           char text[64];
                           std::snprintf(text, sizeof text, "p50 %.3g ms; two workers of one thread",
                                         quantile(*medians, 0.5));
                           return std::string(text);
                         };
                         return out;
                       });

weft::task<double> alternating(weft::client& c, int n) {
  auto a = c.with({.resources = on(0)}), b = c.with({.resources = on(1)});
  const double begin = seconds_now();
  weft::future<int> last = a.submit(increment, 0);
  for (int i = 1; i < n; ++i) last = (i % 2 ? b : a).submit(increment, std::move(last));
  const int value = co_await last;
  if (value != n) throw wrong("the chain gave a wrong value");
  co_return (seconds_now() - begin) * 1e6 / n;
}

const registered chain_("cluster.chain", "us/link", "a chain whose links alternate between two workers",
                        [](const settings& s) {
                          auto raw = std::make_shared<raw_round_trip>(raw_round_trip::route::apart);
                          auto here = std::make_shared<cluster_place>(transport::tcp);
                          const int n = s.size(5000, 500);
                          sides out;
                          out.weft = [=] { return here->pool.run(alternating(here->client, n)); };
                          out.peer = [=] {
                            return quantile(raw->sample(static_cast<std::size_t>(n)), 0.5) * 1e6 / 2;
                          };
                          out.peer_name = "limit: half a raw ping-pong over TCP, between two processors";
                          return out;
                        });

const registered chain_local_("cluster.chain_local", "us/link", "a chain that may stay on one worker",
                              [](const settings& s) {
                                auto here = std::make_shared<cluster_place>(transport::tcp);
                                const long n = s.size(50'000L, 5'000L);
                                sides out;
                                out.weft = [=] {
                                  const double begin = seconds_now();
                                  here->pool.run(chain(here->client, n));
                                  return (seconds_now() - begin) * 1e6 / static_cast<double>(n);
                                };
                                return beside_dask(std::move(out), s, "chain", s.size(500L, 20L));
                              });

}  // namespace
}  // namespace bench
