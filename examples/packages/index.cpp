#include "index.hpp"

#include <charconv>
#include <stdexcept>

namespace packages {

namespace {

std::string_view trimmed(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t' || s.back() == '\r')) s.remove_suffix(1);
  return s;
}

[[noreturn]] void refuse(std::string_view line) {
  throw std::runtime_error("this is no package index: the line '" + std::string(line.substr(0, 60)) +
                           "' is no 'Field: value'");
}

}  // namespace

std::vector<record> parse(std::string_view text) {
  std::vector<record> records;
  record r;
  const auto finish = [&] {
    if (!r.name.empty()) records.push_back(r);
    r = {};
  };
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (trimmed(line).empty()) {
      finish();
      continue;
    }
    if (line.front() == ' ' || line.front() == '\t') continue;  // goes on with the field before: descriptions
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0) refuse(line);
    const std::string_view field = line.substr(0, colon), value = trimmed(line.substr(colon + 1));
    if (field == "Package") {
      r.name = value;
    } else if (field == "Section") {
      r.section = value;
    } else if (field == "Maintainer") {
      r.maintainer = value;
    } else if (field == "Depends") {
      r.depends = value;
    } else if (field == "Pre-Depends") {
      r.pre_depends = value;
    } else if (field == "Provides") {
      r.provides = value;
    } else if (field == "Installed-Size") {
      const auto parsed = std::from_chars(value.data(), value.data() + value.size(), r.installed_kib);
      if (parsed.ec != std::errc()) refuse(line);
    }
  }
  finish();
  return records;
}

std::vector<std::size_t> cuts(std::string_view text, std::size_t n) {
  std::vector<std::size_t> at{0};
  for (std::size_t i = 1; i < n; ++i) {
    const std::size_t blank = text.find("\n\n", std::max(at.back(), text.size() / n * i));
    if (blank == std::string_view::npos) break;
    if (blank + 2 > at.back()) at.push_back(blank + 2);
  }
  if (at.back() != text.size() || at.size() == 1) at.push_back(text.size());
  return at;
}

}  // namespace packages
