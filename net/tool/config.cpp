#include "tool/config.hpp"

#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/config.hpp"
#include "base/words.hpp"
#include "transport/address.hpp"
#include "wire/handshake.hpp"

namespace weft::net {
namespace fs = std::filesystem;
namespace {

/// Says what would be right. Caught by assign, which knows the rest of the sentence.
struct not_right {
  std::string what;
};

std::string between(double least, double most) {
  return "from " + format_number(least) + " to " + format_number(most);
}

std::string absolute(const std::string& text, const fs::path& directory, const std::string& home) {
  if (text == "~" || text.substr(0, 2) == "~/") {
    if (home.empty()) throw not_right{"HOME is not set, so that ~ means nothing: give the whole path"};
    return home + text.substr(1);
  }
  if (text.empty() || directory.empty()) return text;
  return (directory / text).string();  // an absolute one stays
}

const std::string& checked_address(const std::string& text, bool listens) {
  const address a = parse_address(text);
  if (a.kind == address_kind::in_process)
    throw not_right{"an inproc address means something within one process only: give host:port, or unix:/path"};
  if (a.has_port() && a.port == 0 && !listens)
    throw not_right{"nobody listens on port 0: give the port that the scheduler has said"};
  return text;
}

std::vector<std::string> split(std::string_view text, std::string_view separators) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find_first_of(separators, at), text.size());
    parts.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

const std::string& checked_resources(const std::string& text) {
  std::set<std::string_view> seen;
  for (const std::string_view part : detail::words(text)) {
    const std::size_t equals = part.find('=');
    const auto amount = equals == std::string_view::npos ? std::nullopt : parse_number(part.substr(equals + 1));
    if (equals == 0 || !amount || *amount < 0)
      throw not_right{"'" + std::string(part) +
                      "' is no resource: give names with amounts, such as \"gpu=1 licence=0.5\""};
    if (!seen.insert(part.substr(0, equals)).second)
      throw not_right{"'" + std::string(part.substr(0, equals)) + "' is there twice: give each resource once"};
  }
  return text;
}

class reader {
 public:
  reader(const setting& s, const std::vector<std::string>& texts, const fs::path& directory, const std::string& home)
      : setting_(s), texts_(texts), directory_(directory), home_(home) {}

  void operator()(std::string* into) const {
    switch (setting_.kind) {
      case setting_kind::path:
        *into = absolute(one(), directory_, home_);
        break;
      case setting_kind::resources:
        *into = checked_resources(one());
        break;
      case setting_kind::address:
        // A client without a cluster is one: an empty address takes back what a file says.
        *into = one().empty() && setting_.table == "client" ? one() : checked_address(one(), false);
        break;
      case setting_kind::name:
        if (const std::string why = why_no_name(one()); !one().empty() && !why.empty()) throw not_right{why};
        *into = one();
        break;
      case setting_kind::listener:
        *into = one().empty() ? one() : checked_address(one(), true);
        break;
      default:
        *into = one();
    }
  }
  void operator()(std::vector<std::string>* into) const {
    if (texts_.empty()) throw not_right{"give it one address at least"};
    std::vector<std::string> all;
    for (const std::string& text : texts_) all.push_back(checked_address(text, true));
    *into = std::move(all);
  }
  void operator()(bool* into) const {
    if (one() != "true" && one() != "false") throw not_right{"give it true or false"};
    *into = one() == "true";
  }
  void operator()(unsigned* into) const {
    const auto n = parse_count(one());
    if (!n || static_cast<double>(*n) < setting_.least || static_cast<double>(*n) > setting_.most)
      throw not_right{"give it a whole number " + between(setting_.least, setting_.most)};
    *into = static_cast<unsigned>(*n);
  }
  void operator()(double* into) const {
    const auto n = parse_number(one());
    if (!n || *n < setting_.least || *n > setting_.most)
      throw not_right{"give it a number " + between(setting_.least, setting_.most)};
    *into = *n;
  }
  void operator()(std::uint64_t* into) const {
    try {
      *into = detail::parse_bytes(one(), "");
    } catch (const std::invalid_argument&) {
      throw not_right{
          "give it a number of bytes, such as 1073741824, 512M or 1.5G; K, M, G and T are powers of 1,024"};
    }
  }
  void operator()(std::chrono::nanoseconds* into) const {
    const auto d = parse_duration(one());
    if (!d) throw not_right{"give it a duration with its unit, such as 250ms, 10s, 5min or 1h"};
    if (std::chrono::duration<double>(*d).count() < setting_.least)
      throw not_right{"give it " +
                      format_duration(std::chrono::nanoseconds(static_cast<std::int64_t>(setting_.least * 1e9))) +
                      " at least"};
    *into = *d;
  }

 private:
  const std::string& one() const {
    if (texts_.size() != 1) throw not_right{"give it one value"};
    return texts_[0];
  }

  const setting& setting_;
  const std::vector<std::string>& texts_;
  const fs::path& directory_;
  const std::string& home_;
};

std::string array(const std::vector<std::string>& texts) {
  std::string s = "[";
  for (const std::string& text : texts) (s += s.size() > 1 ? ", " : "") += toml_string(text);
  return s += ']';
}

struct printer {
  std::string operator()(const std::string* s) const { return toml_string(*s); }
  std::string operator()(const std::vector<std::string>* s) const { return array(*s); }
  std::string operator()(const bool* b) const { return *b ? "true" : "false"; }
  std::string operator()(const unsigned* n) const { return std::to_string(*n); }
  std::string operator()(const double* n) const {
    // 2 would be an integer of TOML's, which reads back as well; 2.0 says what it is.
    const std::string s = format_number(*n);
    return s.find_first_not_of("-0123456789") == std::string::npos ? s + ".0" : s;
  }
  std::string operator()(const std::uint64_t* n) const { return toml_string(format_bytes(*n)); }
  std::string operator()(const std::chrono::nanoseconds* d) const { return toml_string(format_duration(*d)); }
};

template <class Settings>
Settings with(Settings s, const security_settings& security) {
  s.security = security;
  return s;
}

}  // namespace

std::map<std::string, std::string> process_environment() {
  std::map<std::string, std::string> all;
  for (char** v = environ; v && *v; ++v) {
    const std::string_view text = *v;
    if (const std::size_t equals = text.find('='); equals != std::string_view::npos)
      all.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return all;
}

std::string value_of(const setting& s, settings& of) { return std::visit(printer{}, s.slot(of)); }

std::string text_of(const setting& s, settings& of) {
  const setting_slot slot = s.slot(of);
  if (const auto* const text = std::get_if<std::string*>(&slot)) return **text;
  std::string value = value_of(s, of);
  std::erase(value, '"');  // numbers with units: nothing is escaped
  return value;
}

scheduler_settings configuration::scheduler() const { return with(values_.scheduler, values_.security); }
worker_settings configuration::worker() const { return with(values_.worker, values_.security); }
client_settings configuration::client() const { return with(values_.client, values_.security); }

const std::string& configuration::source(const setting& s) const {
  return sources_[static_cast<std::size_t>(&s - all_settings().data())];
}

void configuration::assign(const setting& s, std::span<const std::string> texts, const std::string& from) {
  assign_in(s, texts, from, {});
}

void configuration::assign_in(const setting& s, std::span<const std::string> texts, const std::string& from,
                              const fs::path& directory) {
  std::vector<std::string> parts(texts.begin(), texts.end());
  if (s.kind == setting_kind::listeners && parts.size() == 1) parts = split(parts[0], ",");
  const auto home = environment_.find("HOME");
  try {
    std::visit(reader(s, parts, directory, home == environment_.end() ? std::string() : home->second),
               s.slot(values_));
  } catch (const not_right& wrong) {
    const std::string text = texts.size() == 1 ? "'" + texts[0] + "'" : array(parts);
    throw wrong_use(from + ": " + s.key() + " is " + text + ": " + wrong.what);
  } catch (const bad_address& wrong) { throw wrong_use(from + ": " + s.key() + ": " + wrong.what()); }
  sources_[static_cast<std::size_t>(&s - all_settings().data())] = from;
}

configuration configuration::load(const configuration_places& places) {
  configuration c;
  c.environment_ = places.environment;
  std::erase_if(c.environment_, [](const auto& v) { return v.second.empty(); });
  const auto variable = [&](const char* name) {
    const auto at = c.environment_.find(name);
    return at == c.environment_.end() ? std::string() : at->second;
  };
  c.read_file(places.system_file, false);
  // The XDG base directory specification: what is not absolute is ignored.
  if (const std::string xdg = variable("XDG_CONFIG_HOME"); fs::path(xdg).is_absolute())
    c.read_file(fs::path(xdg) / "weft/weft.toml", false);
  else if (const std::string home = variable("HOME"); !home.empty())
    c.read_file(fs::path(home) / ".config/weft/weft.toml", false);
  if (!places.file.empty())
    c.read_file(places.file, true);
  else if (const std::string named = variable("WEFT_CONFIG"); !named.empty())
    c.read_file(named, true);
  c.read_environment();
  return c;
}

void configuration::read_environment() {
  std::vector<std::string> known = {"WEFT_CONFIG"}, wrong;
  const auto take = [&](const setting& s, const std::string& name) {
    known.push_back(name);
    const auto at = environment_.find(name);
    if (at == environment_.end()) return;
    try {
      assign(s, {&at->second, 1}, "variable " + name);
    } catch (const wrong_use& e) { wrong.emplace_back(e.what()); }
  };
  for (const setting& s : all_settings()) {
    if (!s.short_variable.empty()) take(s, std::string(s.short_variable));
    take(s, s.variable());  // over the short one
  }
  // A slip of the fingers is said. Others may have names of ours: Kubernetes gives each process
  // WEFT_SCHEDULER_SERVICE_HOST and more when a service is called so.
  for (const auto& [name, value] : environment_) {
    if (name.substr(0, 5) != "WEFT_" || std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string meant = nearest(name, known);
    if (!meant.empty() && name.size() >= 10 && letters_apart(name, meant) <= 2)
      wrong.push_back("variable " + name + " is '" + value + "', and means nothing: did you mean '" + meant + "'?");
  }
  if (wrong.empty()) return;
  std::string text;
  for (const std::string& w : wrong) (text += text.empty() ? "" : "\n") += w;
  throw wrong_use(text);
}

std::string configuration::to_toml() const {
  settings values = values_;
  for (const setting& s : all_settings())
    if (s.kind == setting_kind::path) {
      // The file that this becomes may stand elsewhere.
      std::string& path = *std::get<std::string*>(s.slot(values));
      if (!path.empty()) path = fs::absolute(path).string();
    }
  std::vector<std::string> lines;
  std::size_t width = 0;
  for (const setting& s : all_settings()) {
    lines.push_back((std::string(s.name) += " = ") += value_of(s, values));
    width = std::max(width, std::min<std::size_t>(lines.back().size(), 48));
  }
  std::string text;
  std::string_view table;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const setting& s = all_settings()[i];
    if (s.table != table) (((text += text.empty() ? "[" : "\n[") += s.table) += "]\n");
    table = s.table;
    std::string from = sources_[i];
    // A path may hold what would end the comment.
    std::replace_if(from.begin(), from.end(), [](unsigned char c) { return c < ' ' || c == 127; }, '?');
    text += lines[i];
    text.append(lines[i].size() < width ? width - lines[i].size() : 0, ' ');
    ((text += "  # ") += from) += '\n';
  }
  return text;
}

}  // namespace weft::net
