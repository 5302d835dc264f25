#include "graph/options.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "base/words.hpp"
#include "weft/detail/task_details.hpp"
#include "weft/errors.hpp"

namespace weft::detail {

resource_amounts parse_resources(std::string_view text) {
  resource_amounts all;
  const auto refuse = [](std::string_view part) {
    throw misuse("weft: '" + std::string(part) +
                 "' is no resource: write NAME=AMOUNT, such as gpu=1, from 0.000001 to 1e9, with spaces between "
                 "several");
  };
  for (const std::string_view part : words(text)) {
    const std::size_t equals = std::min(part.find('='), part.size());
    double amount = 1;
    constexpr double most = 1e9, least = 1e-6;
    if (equals != part.size()) {
      const std::string_view number = part.substr(equals + 1);
      const auto [rest, error] = std::from_chars(number.data(), number.data() + number.size(), amount);
      if (error != std::errc{} || rest != number.data() + number.size() || !(amount >= least && amount <= most))
        refuse(part);
    }
    if (equals == 0) refuse(part);
    all.emplace_back(part.substr(0, equals), std::llround(amount / least));
  }
  std::sort(all.begin(), all.end());
  for (std::size_t i = 1; i < all.size(); ++i)
    if (all[i].first == all[i - 1].first)
      throw misuse("weft: the resource '" + all[i].first + "' is named twice; write what is needed in one amount");
  return all;
}

std::string amount_text(std::int64_t millionths) {
  char text[32];
  std::snprintf(text, sizeof text, "%.15g", static_cast<double>(millionths) / 1e6);
  return text;
}

void check_options(const task_options& o) {
  using limits = std::numeric_limits<std::int16_t>;
  if (o.priority < limits::min() || o.priority > limits::max())
    throw misuse("weft: task_options.priority is " + std::to_string(o.priority) + "; it may be from -32768 to 32767");
  if (o.retries > std::numeric_limits<std::uint16_t>::max())
    throw misuse("weft: task_options.retries is " + std::to_string(o.retries) + "; it may be 65535 at most");
  if (o.time_limit.count() < 0) throw misuse("weft: task_options.time_limit is negative; 0 is for none");
  check_list("task_options.workers", o.workers);
  check_list("task_options.hosts", o.hosts);
  if (o.allow_other_workers && o.workers.empty() && o.hosts.empty())
    throw misuse(
        "weft: task_options.allow_other_workers is set, and neither workers nor hosts are given: name those that are "
        "preferred");
}

namespace {

task_details* copy_of(const task_details& d, std::string_view name) {
  auto* other = new task_details;
  other->name = name;
  other->time_limit = d.time_limit;
  other->memory = d.memory;
  other->resources = d.resources;
  other->workers = d.workers;
  other->hosts = d.hosts;
  other->allow_other_workers = d.allow_other_workers;
  return other;
}

/// The words of a list, each once and in order, with one blank between two: so equal lists are equal texts.
std::string list_of(std::string_view text) {
  std::vector<std::string_view> all = words(text);
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  std::string list;
  for (const std::string_view word : all) (list += list.empty() ? "" : " ") += word;
  return list;
}

}  // namespace

task_details* details_of(const task_options& o) {
  task_details d;
  d.name = o.name;
  d.time_limit = o.time_limit;
  d.memory = o.memory;
  d.resources = parse_resources(o.resources);
  d.workers = list_of(o.workers);
  d.hosts = list_of(o.hosts);
  d.allow_other_workers = o.allow_other_workers;
  return d.name.empty() && !d.has_limits() ? nullptr : copy_of(d, d.name);
}

task_details* renamed(const task_details* d, std::string_view name) {
  return d ? copy_of(*d, name) : copy_of(task_details(), name);
}

}  // namespace weft::detail
