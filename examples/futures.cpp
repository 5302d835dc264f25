// Tasks and futures: functions submitted to a client, an edge for each future that is an argument, errors that name
// the task, results as they end, and a graph that is described first and computed then.
#include <cmath>
#include <iostream>
#include <numeric>
#include <ranges>

#include "weft/weft.hpp"

using signal = std::vector<double>;

signal record(int seed, int length) {
  signal s(static_cast<std::size_t>(length));
  for (std::size_t i = 0; i < s.size(); ++i) s[i] = std::sin(static_cast<double>(i) / (seed + 1));
  return s;
}
signal smooth(const signal& s, int width) {
  signal out(s.size() - static_cast<std::size_t>(width));
  auto from = s.begin();
  for (double& x : out) {
    x = std::reduce(from, from + width) / width;
    ++from;
  }
  return out;
}
double energy(const signal& s) { return std::inner_product(s.begin(), s.end(), s.begin(), 0.0); }
double total(weft::values<double> parts) { return std::accumulate(parts.begin(), parts.end(), 0.0); }
int broken(int x) { throw std::invalid_argument("no signal on channel " + std::to_string(x)); }

/// A coroutine is a task too: it may submit tasks and wait for them without holding a thread.
weft::task<double> loudest(weft::client& c, int channels) {
  std::vector<weft::future<double>> all;
  for (int i = 0; i < channels; ++i) all.push_back(c.submit(energy, c.submit(record, i, 10'000)));
  double most = 0;
  auto coming = weft::as_completed(std::move(all));
  while (std::optional<weft::future<double>> f = co_await coming.next()) most = std::max(most, co_await *f);
  co_return most;
}

weft::task<int> program(weft::client& c, std::span<char*> arguments) {
  const int channels = arguments.size() > 1 ? std::atoi(arguments[1]) : 100;
  if (channels < 1) throw std::invalid_argument("usage: futures [CHANNELS]");

  std::vector<weft::future<double>> energies;
  for (int i = 0; i < channels; ++i) {
    weft::future<signal> raw = c.submit(record, i, 10'000);
    energies.push_back(c.submit(energy, c.submit(smooth, raw, 8)));
  }
  const double sum = co_await c.submit(total, energies);
  const double most = co_await c.submit(loudest, channels);
  std::cout << "energy of " << channels << " channels: " << std::llround(sum)
            << ", of the loudest: " << std::llround(most) << '\n';

  // The same, described first: memory first, and chains as one task.
  std::vector<weft::lazy<double>> lazy;
  for (int i = 0; i < channels; ++i)
    lazy.push_back(weft::delayed(energy, weft::delayed(smooth, weft::delayed(record, i, 10'000), 8)));
  const double again = co_await c.compute(weft::delayed(total, lazy));
  std::cout << "the graph gives " << (std::abs(again - sum) < 1e-6 ? "the same" : "something else") << '\n';

  try {
    auto failed = c.with({.name = "channel 7"}).submit(broken, 7);
    auto report = c.with({.name = "report"}).submit([](int x) { return x; }, failed);
    static_cast<void>(co_await report);
  } catch (const weft::task_failed& e) { std::cout << e.what() << '\n'; }
  co_return 0;
}

int main(int argc, char** argv) { return weft::run(argc, argv, program); }
