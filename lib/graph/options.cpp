#include "graph/options.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string>

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
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (part.empty()) continue;
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
}

task_details* details_of(const task_options& o) {
  resource_amounts resources = parse_resources(o.resources);
  if (o.name.empty() && o.time_limit.count() == 0 && o.memory == 0 && resources.empty()) return nullptr;
  auto* d = new task_details;
  d->name = o.name;
  d->time_limit = o.time_limit;
  d->memory = o.memory;
  d->resources = std::move(resources);
  return d;
}

task_details* renamed(const task_details* d, std::string_view name) {
  auto* other = new task_details;
  other->name = name;
  if (d) {
    other->time_limit = d->time_limit;
    other->memory = d->memory;
    other->resources = d->resources;
  }
  return other;
}

}  // namespace weft::detail
