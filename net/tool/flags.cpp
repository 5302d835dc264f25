#include "tool/flags.hpp"

#include <algorithm>

namespace weft::net {
namespace {

std::string_view name_part(std::string_view argument) { return argument.substr(0, argument.find('=')); }

std::string off(const flag& f) { return "--no-" + f.name.substr(2); }

[[noreturn]] void refuse_unknown(std::string_view name, std::span<const flag> flags) {
  std::vector<std::string> names;
  for (const flag& f : flags) {
    names.push_back(f.name);
    if (f.sets && f.value.empty()) names.push_back(off(f));
    if (!f.sets) continue;
    // Clients say --cluster where workers say --scheduler.
    for (const setting& s : all_settings()) {
      setting plain = s;
      plain.other_flag = {};
      if (s.name == f.sets->name && (s.flag() == name || plain.flag() == name))
        throw wrong_use("unknown flag '" + std::string(name) + "': here it is called '" + f.name + "'");
    }
  }
  throw wrong_use("unknown flag '" + std::string(name.substr(0, 80)) + "'" +
                  suggestion(name, names, ": --help lists those that there are"));
}

}  // namespace

flag flag_of(const setting& s) {
  flag f;
  f.name = s.flag();
  f.value = s.unit();
  f.says = s.says;
  f.sets = &s;
  f.repeated = s.kind == setting_kind::listeners;
  return f;
}

bool flags_read::has(std::string_view name) const noexcept {
  return std::any_of(given.begin(), given.end(), [&](const given_flag& g) { return g.what->name == name; });
}
std::string flags_read::value(std::string_view name, std::string otherwise) const {
  for (const given_flag& g : given)
    if (g.what->name == name) otherwise = g.value;
  return otherwise;
}
std::vector<std::string> flags_read::values(std::string_view name) const {
  std::vector<std::string> all;
  for (const given_flag& g : given)
    if (g.what->name == name) all.push_back(g.value);
  return all;
}

std::string take_value(const flag& f, std::span<const std::string> arguments, std::size_t& at) {
  const std::string& argument = arguments[at];
  if (const std::size_t equals = argument.find('='); equals != std::string::npos) return argument.substr(equals + 1);
  if (at + 1 == arguments.size() || arguments[at + 1].substr(0, 2) == "--")
    throw wrong_use("flag " + f.name + " needs a value: " + f.name + " " + f.value);
  return arguments[++at];
}

flags_read read_flags(std::span<const flag> flags, std::span<const std::string> arguments, after_first after) {
  flags_read read;
  const auto leave = [&](std::size_t from) {
    const auto first = arguments.begin() + static_cast<std::ptrdiff_t>(from);
    read.rest.insert(read.rest.end(), first, arguments.end());
    return read;
  };
  for (std::size_t at = 0; at < arguments.size(); ++at) {
    const std::string& argument = arguments[at];
    if (argument == "--") return leave(at + 1);
    if (argument.size() < 2 || argument[0] != '-') {
      if (after == after_first::rest) return leave(at);
      read.rest.push_back(argument);
      continue;
    }
    const std::string_view name = argument == "-h" ? "--help" : name_part(argument);
    const auto known = std::find_if(flags.begin(), flags.end(), [&](const flag& f) {
      return f.name == name || (f.sets && f.value.empty() && off(f) == name);
    });
    if (known == flags.end()) refuse_unknown(name, flags);
    if (!known->value.empty())
      read.given.push_back({&*known, take_value(*known, arguments, at)});
    else if (argument.find('=') != std::string::npos)
      throw wrong_use("flag " + std::string(name) + " takes no value" +
                      (known->sets ? ": " + known->name + " or " + off(*known) : ""));
    else
      read.given.push_back({&*known, known->name == name ? "true" : "false"});
  }
  return read;
}

void assign(configuration& to, std::span<const given_flag> given) {
  for (std::size_t i = 0; i < given.size(); ++i) {
    const flag& f = *given[i].what;
    if (!f.sets) continue;
    std::vector<std::string> texts = {given[i].value};
    if (f.repeated) {
      if (std::any_of(given.begin(), given.begin() + static_cast<std::ptrdiff_t>(i),
                      [&](const given_flag& g) { return g.what == &f; }))
        continue;
      texts.clear();
      for (const given_flag& g : given)
        if (g.what == &f) texts.push_back(g.value);
    }
    to.assign(*f.sets, texts, "flag " + f.name);
  }
}

}  // namespace weft::net
