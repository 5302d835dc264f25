// The only translation unit that knows toml++.
#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "tool/config.hpp"

namespace weft::net {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t largest_file = std::size_t{1} << 20;

std::string whole_file(const fs::path& file) {
  std::error_code error;
  if (fs::is_directory(file, error)) throw wrong_use(file.string() + ": is a directory: give a file of settings");
  std::ifstream in(file, std::ios::binary);
  if (!in)
    throw wrong_use(file.string() + ": cannot be read (" + std::strerror(errno) + "): give a file of settings");
  std::string text(largest_file + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) throw wrong_use(file.string() + ": cannot be read: give a file of settings");
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > largest_file) throw wrong_use(file.string() + ": is larger than 1 MiB: settings are a few lines");
  return text;
}

std::string as_written(const toml::node& value) {
  std::ostringstream out;
  value.visit([&](const auto& v) { out << v; });
  return out.str();
}

}  // namespace

/// Walks over one file, and gathers what is wrong with it in the order of its lines.
class configuration_file {
 public:
  configuration_file(configuration& into, const fs::path& file) : into_(into), file_(file) {}

  void read() {
    toml::table root;
    try {
      root = toml::parse(whole_file(file_), file_.string());
    } catch (const toml::parse_error& e) {
      throw wrong_use(place(e.source().begin) + ": is no TOML: " + std::string(e.description()));
    }
    std::vector<std::string> tables;
    for (const setting& s : all_settings())
      if (tables.empty() || tables.back() != s.table) tables.emplace_back(s.table);
    for (const auto& [key, value] : root) {
      const std::string name(key.str());
      const bool known = std::find(tables.begin(), tables.end(), name) != tables.end();
      if (known && value.is_table())
        read_table(name, *value.as_table());
      else if (known)
        wrong(key.source().begin, "'" + name + "' is a table: write [" + name + "] on a line, settings below it");
      else
        unknown_in_root(key, value, tables);
    }
    if (wrongs_.empty()) return;
    std::stable_sort(wrongs_.begin(), wrongs_.end(), [](const auto& a, const auto& b) { return a.line < b.line; });
    std::string text;
    for (const auto& w : wrongs_) (text += text.empty() ? "" : "\n") += w.text;
    throw wrong_use(text);
  }

 private:
  struct mistake {
    toml::source_index line;
    std::string text;
  };

  std::string place(const toml::source_position& at) const {
    return file_.string() + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
  }
  void wrong(const toml::source_position& at, const std::string& text) {
    wrongs_.push_back({at.line, place(at) + ": " + text});
  }

  void unknown_in_root(const toml::key& key, const toml::node& value, const std::vector<std::string>& tables) {
    const std::string name(key.str());
    const toml::source_position at = key.source().begin;
    if (value.is_table())
      return wrong(at,
                   "there is no table '" + name + "'" + suggestion(name, tables, ": there are " + listed(tables)));
    for (const setting& s : all_settings())
      if (s.name == name)
        return wrong(at, "'" + name + "' stands in no table: write [" + std::string(s.table) + "] above it");
    wrong(at, "there is no setting '" + name + "': settings stand in the tables " + listed(tables));
  }

  void read_table(const std::string& table, const toml::table& values) {
    std::vector<std::string> names;
    for (const setting& s : all_settings())
      if (s.table == table) names.emplace_back(s.name);
    for (const auto& [key, value] : values) {
      const std::string name(key.str());
      if (std::find(names.begin(), names.end(), name) != names.end())
        read_setting(setting_of(table + "." + name), value);
      else
        wrong(key.source().begin, "there is no setting '" + table + "." + name + "'" +
                                      suggestion(name, names, ": [" + table + "] has " + listed(names)));
    }
  }

  void read_setting(const setting& s, const toml::node& value) {
    const toml::source_position at = value.source().begin;
    std::vector<std::string> texts;
    const toml::array* const list = s.kind == setting_kind::listeners ? value.as_array() : nullptr;
    bool good = true;
    if (list)
      for (const toml::node& one : *list) good = good && add_text(s.kind, one, texts);
    else
      good = add_text(s.kind, value, texts);
    if (!good) return wrong(at, s.key() + " is " + as_written(value) + ": " + right(s.kind));
    try {
      into_.assign_in(s, texts, place(at), fs::absolute(file_).parent_path());
    } catch (const wrong_use& e) { wrongs_.push_back({at.line, e.what()}); }
  }

  /// Values of TOML become the text that a variable would hold. Says whether its type may stand there.
  static bool add_text(setting_kind kind, const toml::node& value, std::vector<std::string>& texts) {
    if (const auto* s = value.as_string()) {
      texts.push_back(s->get());
    } else if (const auto* b = value.as_boolean(); b && kind == setting_kind::yes_no) {
      texts.emplace_back(b->get() ? "true" : "false");
    } else if (const auto* n = value.as_integer();
               n && (kind == setting_kind::count || kind == setting_kind::ratio || kind == setting_kind::bytes ||
                     kind == setting_kind::duration)) {
      texts.push_back(std::to_string(n->get()));
    } else if (const auto* f = value.as_floating_point(); f && kind == setting_kind::ratio) {
      texts.push_back(format_number(f->get()));
    } else {
      return false;
    }
    return true;
  }

  static std::string right(setting_kind kind) {
    switch (kind) {
      case setting_kind::yes_no:
        return "give it true or false";
      case setting_kind::count:
        return "give it a whole number";
      case setting_kind::ratio:
        return "give it a number";
      case setting_kind::bytes:
        return "give it a number of bytes, such as 1073741824, \"512M\" or \"1.5G\"";
      case setting_kind::duration:
        return "give it a duration with its unit, such as \"250ms\", \"10s\" or \"5min\"";
      case setting_kind::listeners:
        return "give it addresses in quotes, such as [\"127.0.0.1:8786\"]";
      default:
        return "give it a text in quotes";
    }
  }

  configuration& into_;
  const fs::path& file_;
  std::vector<mistake> wrongs_;
};

void configuration::read_file(const fs::path& file, bool must_exist) {
  std::error_code error;
  const fs::file_status there = fs::status(file, error);
  if (there.type() == fs::file_type::not_found && !must_exist) return;
  // A home that one may not look into (a service's user, a sandbox) has no settings for us.
  if (there.type() == fs::file_type::none && error == std::errc::permission_denied && !must_exist) return;
  configuration_file(*this, file).read();
}

}  // namespace weft::net
