#include "plain.hpp"

#include <cmath>
#include <set>
#include <sstream>
#include <vector>

namespace packages {

namespace {

std::vector<std::string> plain_names(const std::string& field) {
  std::vector<std::string> names;
  std::string name;
  bool reading = true;
  for (char c : field + ",") {
    if (c == ',' || c == '|') {
      if (!name.empty()) names.push_back(name);
      name.clear();
      reading = true;
    } else if (c == ' ' || c == '\t') {
      reading = reading && name.empty();
    } else if (c == '(' || c == ':' || c == '[') {
      reading = false;
    } else if (reading) {
      name += c;
    }
  }
  return names;
}

}  // namespace

plain_totals plain_pass(const std::string& text) {
  plain_totals t;
  std::map<std::string, std::set<std::string>> wants, provided_by;
  std::map<std::string, std::string> fields;
  const auto finish = [&] {
    if (fields.count("Package")) {
      const std::string name = fields["Package"];
      ++t.records;
      const std::uint64_t size = fields.count("Installed-Size") ? std::stoull(fields["Installed-Size"]) : 0;
      t.installed_kib += size;
      t.section_kib[fields["Section"]] += size;
      ++t.maintainer_packages[fields["Maintainer"]];
      wants[name];
      for (const char* f : {"Depends", "Pre-Depends"})
        for (const auto& d : plain_names(fields[f])) wants[name].insert(d);
      for (const auto& p : plain_names(fields["Provides"])) provided_by[p].insert(name);
    }
    fields.clear();
  };
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    line.erase(line.find_last_not_of(" \t\r") + 1);
    if (line.empty()) {
      finish();
    } else if (line[0] != ' ' && line[0] != '\t') {
      const auto colon = line.find(':');
      std::string value = line.substr(colon + 1);
      value.erase(0, value.find_first_not_of(" \t"));
      fields[line.substr(0, colon)] = value;
    }
  }
  finish();

  std::map<std::string, std::set<std::string>> edges;
  for (const auto& [name, wanted] : wants) {
    auto& to = edges[name];
    for (const auto& w : wanted) {
      if (wants.count(w)) to.insert(w);
      if (const auto p = provided_by.find(w); p != provided_by.end()) to.insert(p->second.begin(), p->second.end());
    }
    t.edges += to.size();
  }
  const double n = static_cast<double>(edges.size());
  for (const auto& e : edges) t.rank[e.first] = 1 / n;
  for (int round = 0; round < 100; ++round) {
    std::map<std::string, double> next;
    double dangling = 0, change = 0;
    for (const auto& [from, to] : edges) {
      if (to.empty()) dangling += t.rank[from];
      for (const auto& name : to) next[name] += t.rank[from] / static_cast<double>(to.size());
    }
    for (auto& [name, r] : t.rank) {
      const double now = (0.15 + 0.85 * dangling) / n + 0.85 * next[name];
      change += std::abs(now - r);
      r = now;
    }
    if (change < 1e-9) break;
  }
  return t;
}

}  // namespace packages
