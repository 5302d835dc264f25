#include "graph.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "weft/algorithm.hpp"

namespace packages {

std::vector<std::string_view> names_in(std::string_view field) {
  std::vector<std::string_view> names;
  while (!field.empty()) {
    const std::size_t end = field.find_first_of(",|");
    std::string_view name = field.substr(0, end);
    field.remove_prefix(end == std::string_view::npos ? field.size() : end + 1);
    const std::size_t begin = name.find_first_not_of(" \t");
    if (begin == std::string_view::npos) continue;
    name.remove_prefix(begin);
    names.push_back(name.substr(0, name.find_first_of(" (:[")));
  }
  return names;
}

weft::task<graph> build(const std::vector<record>& records) {
  graph g;
  std::unordered_map<std::string_view, std::uint32_t> number;
  std::vector<std::uint32_t> package_of(records.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    const auto [at, fresh] = number.try_emplace(records[i].name, static_cast<std::uint32_t>(g.names.size()));
    if (fresh) g.names.push_back(records[i].name);
    package_of[i] = at->second;
  }
  std::unordered_map<std::string_view, std::vector<std::uint32_t>> providers;
  for (std::size_t i = 0; i < records.size(); ++i)
    for (std::string_view name : names_in(records[i].provides)) providers[name].push_back(package_of[i]);

  // Each record's edges in parallel, then the rows together: a package may have several records (versions).
  std::vector<std::vector<std::uint32_t>> edges(records.size());
  std::vector<std::uint32_t> unresolved(records.size());
  auto resolve = [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i)
      for (std::string_view field : {records[i].depends, records[i].pre_depends})
        for (std::string_view name : names_in(field)) {
          bool found = false;
          if (const auto real = number.find(name); real != number.end()) {
            edges[i].push_back(real->second);
            found = true;
          }
          if (const auto some = providers.find(name); some != providers.end()) {
            edges[i].insert(edges[i].end(), some->second.begin(), some->second.end());
            found = true;
          }
          unresolved[i] += found ? 0u : 1u;
        }
  };
  co_await weft::for_each(0, records.size(), resolve, 1024);

  std::vector<std::vector<std::uint32_t>> rows(g.size());
  for (std::size_t i = 0; i < records.size(); ++i) {
    rows[package_of[i]].insert(rows[package_of[i]].end(), edges[i].begin(), edges[i].end());
    g.unresolved += unresolved[i];
  }
  auto tidy = [&](std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      std::sort(rows[i].begin(), rows[i].end());
      rows[i].erase(std::unique(rows[i].begin(), rows[i].end()), rows[i].end());
    }
  };
  co_await weft::for_each(0, rows.size(), tidy, 1024);
  g.first.push_back(0);
  for (const auto& row : rows) {
    g.target.insert(g.target.end(), row.begin(), row.end());
    g.first.push_back(static_cast<std::uint32_t>(g.target.size()));
  }
  co_return g;
}

weft::task<std::vector<double>> rank(const graph& g) {
  constexpr double damping = 0.85;
  constexpr std::size_t grain = 2048;
  const std::size_t n = g.size();
  if (n == 0) co_return std::vector<double>();

  // Who points at i, in compressed rows, so that each package pulls and no two write the same sum.
  std::vector<std::uint32_t> first(n + 1), source(g.target.size());
  for (std::uint32_t t : g.target) ++first[t + 1];
  for (std::size_t i = 0; i < n; ++i) first[i + 1] += first[i];
  std::vector<std::uint32_t> next(first.begin(), first.end() - 1);
  for (std::size_t i = 0; i < n; ++i)
    for (std::uint32_t e = g.first[i]; e < g.first[i + 1]; ++e)
      source[next[g.target[e]]++] = static_cast<std::uint32_t>(i);

  std::vector<double> now(n, 1.0 / static_cast<double>(n)), then(n), share(n);
  for (int round = 0; round < 100; ++round) {
    auto share_out = [&](std::size_t begin, std::size_t end) {
      double dangling = 0;
      for (std::size_t i = begin; i < end; ++i) {
        const std::uint32_t out = g.first[i + 1] - g.first[i];
        share[i] = out ? now[i] / out : 0;
        if (!out) dangling += now[i];
      }
      return dangling;
    };
    const double dangling = co_await weft::reduce(0, n, 0.0, share_out, std::plus{}, grain);
    const double base = (1 - damping + damping * dangling) / static_cast<double>(n);
    auto pull = [&](std::size_t begin, std::size_t end) {
      double change = 0;
      for (std::size_t i = begin; i < end; ++i) {
        double sum = 0;
        for (std::uint32_t e = first[i]; e < first[i + 1]; ++e) sum += share[source[e]];
        then[i] = base + damping * sum;
        change += std::abs(then[i] - now[i]);
      }
      return change;
    };
    const double change = co_await weft::reduce(0, n, 0.0, pull, std::plus{}, grain);
    now.swap(then);
    if (change < 1e-9) break;
  }
  co_return now;
}

}  // namespace packages
