#include "graph/draw.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "weft/errors.hpp"

namespace weft::detail {

namespace {

using ids = std::vector<std::uint32_t>;

struct colour {
  std::uint8_t red, green, blue;
  [[nodiscard]] bool dark() const { return 3 * red + 6 * green + blue < 10 * 128; }  // as the eye weighs them
};

struct state_look {
  const char* name;
  colour fill;
};
constexpr std::array<state_look, 6> state_looks{{{"waiting", {224, 224, 224}},
                                                 {"ready", {255, 224, 130}},
                                                 {"running", {100, 181, 246}},
                                                 {"done", {129, 199, 132}},
                                                 {"failed", {229, 115, 115}},
                                                 {"cancelled", {206, 147, 216}}}};
constexpr colour plain{236, 239, 241};

/// From dark blue over green to yellow, ever brighter, so that it reads in grey too.
colour of_rank(std::uint32_t rank, std::uint32_t count) {
  constexpr std::array<colour, 5> stops{
      {{52, 30, 100}, {48, 92, 140}, {34, 148, 138}, {120, 200, 90}, {250, 230, 50}}};
  const double at = count < 2 ? 0 : std::min(1.0, rank / (count - 1.0)) * (stops.size() - 1);
  const auto below = std::min(static_cast<std::size_t>(at), stops.size() - 2);
  const double part = at - static_cast<double>(below);
  const auto mix = [&](std::uint8_t a, std::uint8_t b) {
    return static_cast<std::uint8_t>(a + (b - a) * part + 0.5);
  };
  const colour &a = stops[below], &b = stops[below + 1];
  return {mix(a.red, b.red), mix(a.green, b.green), mix(a.blue, b.blue)};
}

std::string hex(const colour& c) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text = "#";
  for (const std::uint8_t part : {c.red, c.green, c.blue}) text += {digits[part >> 4], digits[part & 15]};
  return text;
}

/// Coordinates have one decimal, and a point in every locale.
std::string number(double value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, 1).ptr;
  return {text.data(), end};
}

/// The length of the UTF-8 character that `text` begins with, if XML allows it; otherwise 0.
std::size_t character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return first >= 0x20 || first == '\n' || first == '\t' ? (first == 0x7f ? 0 : 1) : 0;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  std::uint32_t code = first & (0x7fu >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0u) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3fu);
  }
  const bool shortest = code >= (length == 2 ? 0x80u : length == 3 ? 0x800u : 0x10000u);
  return shortest && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) && code != 0xfffe && code != 0xffff ? length
                                                                                                              : 0;
}

/// `text` with each character through `put`, which gets a valid one; whatever is none is U+FFFD.
template <class Put>
void each_character(std::string_view text, Put put) {
  while (!text.empty()) {
    const std::size_t length = character(text);
    put(length == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(0, length));
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
}

std::string for_xml(std::string_view text) {
  std::string out;
  each_character(text, [&](std::string_view c) {
    if (c == "&")
      out += "&amp;";
    else if (c == "<")
      out += "&lt;";
    else if (c == ">")
      out += "&gt;";
    else if (c == "\"")
      out += "&quot;";
    else
      out += c;
  });
  return out;
}

std::string for_dot(std::string_view text) {
  std::string out = "\"";
  each_character(text, [&](std::string_view c) {
    if (c == "\"" || c == "\\")
      (out += '\\') += c;
    else if (c == "\n")
      out += "\\n";
    else
      out += c;
  });
  return out += '"';
}

/// The first line of a label, cut to what a box has room for.
std::string shorten(std::string_view text, std::size_t most) {
  std::string out;
  std::size_t count = 0;
  each_character(text.substr(0, text.find('\n')), [&](std::string_view c) {
    if (++count < most)
      out += c;
    else if (count == most)
      out += "\xe2\x80\xa6";
  });
  return out;
}
std::size_t width_of(std::string_view text) {
  std::size_t count = 0;
  each_character(text, [&](std::string_view) { ++count; });
  return count;
}

void check(const graph_shape& shape, const drawing& what) {
  const auto fits = [&](std::size_t size, const char* name) {
    if (size != 0 && size != shape.size())
      throw misuse(std::string("weft: ") + std::to_string(size) + " " + name + " were given to draw a graph of " +
                   std::to_string(shape.size()) + " tasks: give one for each task, or none");
  };
  fits(what.labels.size(), "labels");
  fits(what.ranks.size(), "ranks");
  fits(what.states.size(), "states");
  if (!what.ranks.empty() && !what.states.empty())
    throw misuse("weft: a graph was to be drawn in the colours of its ranks and of its states: give one of the two");
}

std::string label(const drawing& what, std::uint32_t task) {
  return what.labels.empty() ? std::to_string(task) : what.labels[task];
}
const state_look& look(const drawing& what, std::uint32_t task) {
  return state_looks[std::min<std::size_t>(static_cast<std::size_t>(what.states[task]), state_looks.size() - 1)];
}
colour fill(const graph_shape& shape, const drawing& what, std::uint32_t task) {
  if (!what.ranks.empty()) return of_rank(what.ranks[task], shape.size());
  return what.states.empty() ? plain : look(what, task).fill;
}

/// What is drawn: boxes and lines between them, whether a box is a task or a whole layer.
struct box {
  std::string text, below, hint;
  colour fill = plain;
};
struct picture {
  graph_shape shape;
  ids layer;
  std::vector<box> boxes;
  std::string title;
};

picture of_tasks(const graph_shape& shape, const drawing& what) {
  picture made{shape, layers(shape), std::vector<box>(shape.size()), std::string(what.title)};
  for (std::uint32_t task = 0; task < shape.size(); ++task) {
    box& b = made.boxes[task];
    b.text = b.hint = label(what, task);
    b.fill = fill(shape, what, task);
    if (!what.ranks.empty()) b.below = std::to_string(what.ranks[task]);
    if (!what.states.empty()) b.hint += std::string(" (") + look(what, task).name + ")";
  }
  return made;
}

/// A box for each layer, an edge where any task of one needs any of the other; of many layers, runs of neighbours
/// are one box.
picture of_layers(const graph_shape& shape, const drawing& what) {
  ids band = layers(shape);
  const std::uint32_t depth = *std::max_element(band.begin(), band.end()) + 1;
  const std::uint32_t most = std::clamp(what.most_tasks, 1u, 100u);
  const std::uint32_t each = depth / most + (depth % most != 0);
  const std::uint32_t bands = (depth - 1) / each + 1;
  ids tasks(bands, 0);
  std::vector<std::array<std::uint32_t, state_looks.size()>> states(bands);
  std::vector<double> rank_sum(bands, 0);
  for (std::uint32_t task = 0; task < shape.size(); ++task) {
    const std::uint32_t b = band[task] /= each;
    ++tasks[b];
    if (!what.states.empty()) ++states[b][static_cast<std::size_t>(&look(what, task) - state_looks.data())];
    if (!what.ranks.empty()) rank_sum[b] += what.ranks[task];
  }
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> between;  // at most 100 x 100
  for (std::uint32_t task = 0; task < shape.size(); ++task)
    for (const std::uint32_t input : shape.dependencies(task))
      if (band[input] != band[task]) ++between[{band[task], band[input]}];

  std::vector<graph_edge> edges;
  picture made;
  made.boxes.resize(bands);
  for (std::uint32_t b = 0; b < bands; ++b) {
    box& it = made.boxes[b];
    const std::uint32_t first = b * each, last = std::min(depth, (b + 1) * each) - 1;
    it.text = first == last ? "layer " + std::to_string(first)
                            : "layers " + std::to_string(first) + " to " + std::to_string(last);
    it.below = std::to_string(tasks[b]) + (tasks[b] == 1 ? " task" : " tasks");
    it.hint = it.text + ": " + it.below;
    if (!what.ranks.empty()) it.fill = of_rank(static_cast<std::uint32_t>(rank_sum[b] / tasks[b]), shape.size());
    if (!what.states.empty()) {
      const auto& counts = states[b];
      it.fill =
          state_looks[static_cast<std::size_t>(std::max_element(counts.begin(), counts.end()) - counts.begin())].fill;
      for (std::size_t s = 0; s < counts.size(); ++s)
        if (counts[s] > 0) it.hint += ", " + std::to_string(counts[s]) + " " + state_looks[s].name;
    }
    made.layer.push_back(b);
  }
  for (const auto& [pair, count] : between) {
    edges.push_back({pair.first, pair.second});
    made.boxes[pair.first].hint += "\n" + std::to_string(count) + " edges from " + made.boxes[pair.second].text;
  }
  made.shape = graph_shape::from_edges(bands, edges);
  made.title = std::string(what.title) + (what.title.empty() ? "" : ": ") + std::to_string(shape.size()) +
               " tasks and " + std::to_string(shape.edges()) + " edges, by layers";
  return made;
}

picture picture_of(const graph_shape& shape, const drawing& what) {
  check(shape, what);
  const bool large = shape.size() > what.most_tasks || shape.edges() > what.most_edges;
  return large ? of_layers(shape, what) : of_tasks(shape, what);
}

struct point {
  double x = 0, y = 0;
};

constexpr double gap = 14, row_height = 66, box_height = 34, bend_width = 6, letter = 7.2, margin = 16;
constexpr std::size_t letters = 24;

/// Places for the boxes, and for the bends of edges that pass other layers.
class layout {
 public:
  explicit layout(const picture& of) {
    for (const box& b : of.boxes)
      widths_.push_back(20 + letter * static_cast<double>(std::max(
                                          {std::size_t{2}, width_of(shorten(b.text, letters)), width_of(b.below)})));
    layer_ = of.layer;
    up_.resize(of.boxes.size());
    for (std::uint32_t node = 0; node < of.boxes.size(); ++node) {
      for (const std::uint32_t input : of.shape.dependencies(node)) {
        ids way{node};
        // Bends are a help for the eye; where they would be more than the picture has room for, lines are straight.
        if (layer_.size() < most_nodes)
          for (std::uint32_t l = of.layer[node] - 1; l > of.layer[input]; --l) way.push_back(bend(l));
        way.push_back(input);
        for (std::size_t i = 1; i < way.size(); ++i) up_[way[i - 1]].push_back(way[i]);
        ways_.push_back(std::move(way));
      }
    }
    down_.resize(up_.size());
    for (std::uint32_t node = 0; node < up_.size(); ++node)
      for (const std::uint32_t above : up_[node]) down_[above].push_back(node);
    sort_layers();
    place();
  }

  [[nodiscard]] point at(std::uint32_t node) const {
    return {x_[node], margin + box_height / 2 + row_height * layer_[node]};
  }
  [[nodiscard]] double width(std::uint32_t node) const { return widths_[node]; }
  [[nodiscard]] double total_width() const { return total_; }
  [[nodiscard]] double total_height() const {
    return rows_.empty() ? 0 : row_height * static_cast<double>(rows_.size() - 1) + box_height + 2 * margin;
  }
  /// Of each edge: the task, bends, and what it needs.
  [[nodiscard]] const std::vector<ids>& ways() const { return ways_; }

 private:
  static constexpr std::size_t most_nodes = 40'000;
  static constexpr int sweeps = 8;

  std::uint32_t bend(std::uint32_t layer) {
    widths_.push_back(bend_width);
    layer_.push_back(layer);
    up_.emplace_back();
    return static_cast<std::uint32_t>(layer_.size() - 1);
  }

  void sort_layers() {
    for (std::uint32_t node = 0; node < layer_.size(); ++node) {
      if (layer_[node] >= rows_.size()) rows_.resize(layer_[node] + std::size_t{1});
      rows_[layer_[node]].push_back(node);
    }
    x_.resize(layer_.size());
    for (const ids& row : rows_) number_row(row);
    for (int sweep = 0; sweep < sweeps; ++sweep) {
      const bool downwards = sweep % 2 == 0;
      for (std::size_t i = 0; i < rows_.size(); ++i) {
        ids& row = rows_[downwards ? i : rows_.size() - 1 - i];
        std::vector<std::tuple<double, std::size_t, std::uint32_t>> keyed;  // equal means stay in their order
        for (std::size_t k = 0; k < row.size(); ++k)
          keyed.emplace_back(mean(downwards ? up_[row[k]] : down_[row[k]], x_[row[k]]), k, row[k]);
        std::sort(keyed.begin(), keyed.end());
        for (std::size_t k = 0; k < row.size(); ++k) row[k] = std::get<2>(keyed[k]);
        number_row(row);
      }
    }
  }
  /// While sorting, x is the place in the row as a part of its length: rows of any length compare.
  void number_row(const ids& row) {
    for (std::size_t k = 0; k < row.size(); ++k)
      x_[row[k]] = (static_cast<double>(k) + 0.5) / static_cast<double>(row.size());
  }

  [[nodiscard]] double mean(const ids& nodes, double otherwise) const {
    if (nodes.empty()) return otherwise;
    double sum = 0;
    for (const std::uint32_t node : nodes) sum += x_[node];
    return sum / static_cast<double>(nodes.size());
  }

  [[nodiscard]] double apart(std::uint32_t left, std::uint32_t right) const {
    return (widths_[left] + widths_[right]) / 2 + gap;
  }

  /// Moves each node towards the mean of its neighbours. Pushing from the left and pushing from the right both keep
  /// the distances, so the middle of the two keeps them too, and favours no side.
  void place() {
    for (const ids& row : rows_) {
      double from = 0;
      for (const std::uint32_t node : row) from += widths_[node] + gap;
      from /= -2;
      for (const std::uint32_t node : row) {
        x_[node] = from + (widths_[node] + gap) / 2;
        from += widths_[node] + gap;
      }
    }
    for (int sweep = 0; sweep < sweeps; ++sweep) {
      const bool downwards = sweep % 2 == 0;
      for (std::size_t i = 0; i < rows_.size(); ++i) {
        const ids& row = rows_[downwards ? i : rows_.size() - 1 - i];
        std::vector<double> left, right(row.size());
        for (const std::uint32_t node : row) left.push_back(mean(downwards ? up_[node] : down_[node], x_[node]));
        right = left;
        for (std::size_t k = 1; k < row.size(); ++k)
          left[k] = std::max(left[k], left[k - 1] + apart(row[k - 1], row[k]));
        for (std::size_t k = row.size(); k-- > 1;)
          right[k - 1] = std::min(right[k - 1], right[k] - apart(row[k - 1], row[k]));
        for (std::size_t k = 0; k < row.size(); ++k) x_[row[k]] = (left[k] + right[k]) / 2;
      }
    }
    if (x_.empty()) return;
    double least = x_[0], most = x_[0];
    for (std::size_t node = 0; node < x_.size(); ++node) {
      least = std::min(least, x_[node] - widths_[node] / 2);
      most = std::max(most, x_[node] + widths_[node] / 2);
    }
    for (double& x : x_) x += margin - least;
    total_ = most - least + 2 * margin;
  }

  std::vector<double> widths_;
  ids layer_;
  std::vector<ids> up_, down_;  ///< neighbours in the layers before and after, bends among them
  std::vector<ids> ways_, rows_;
  std::vector<double> x_;
  double total_ = 0;
};

std::string text_at(double x, double y, std::string_view text, const char* more) {
  return "<text x=\"" + number(x) + "\" y=\"" + number(y) + "\"" + more + ">" + for_xml(text) + "</text>\n";
}

void draw_edges(std::string& out, const layout& places) {
  out += "<g fill=\"none\" stroke=\"#78909c\" stroke-width=\"1\">\n";
  for (const ids& way : places.ways()) {
    point from = places.at(way.back());
    from.y += box_height / 2;
    out += "<path d=\"M" + number(from.x) + " " + number(from.y);
    for (std::size_t i = way.size() - 1; i-- > 0;) {
      point to = places.at(way[i]);
      if (i == 0) to.y -= box_height / 2;
      const std::string middle = number((from.y + to.y) / 2);
      out += "C" + number(from.x) + " " + middle + " " + number(to.x) + " " + middle + " " + number(to.x) + " " +
             number(to.y);
      from = to;
    }
    out += "\" marker-end=\"url(#tip)\"/>\n";
  }
  out += "</g>\n";
}

void draw_boxes(std::string& out, const picture& it, const layout& places) {
  for (std::uint32_t node = 0; node < it.boxes.size(); ++node) {
    const box& b = it.boxes[node];
    const point at = places.at(node);
    const double width = places.width(node);
    const char* ink = b.fill.dark() ? " fill=\"#ffffff\"" : "";
    out += "<g><title>" + for_xml(b.hint) + "</title><rect x=\"" + number(at.x - width / 2) + "\" y=\"" +
           number(at.y - box_height / 2) + "\" width=\"" + number(width) + "\" height=\"" + number(box_height) +
           "\" rx=\"5\" fill=\"" + hex(b.fill) + "\" stroke=\"#546e7a\"/>\n";
    out += text_at(at.x, b.below.empty() ? at.y + 4 : at.y - 3, shorten(b.text, letters), ink);
    if (!b.below.empty()) out += text_at(at.x, at.y + 11, b.below, ink);
    out += "</g>\n";
  }
}

}  // namespace

std::vector<std::uint32_t> layers(const graph_shape& shape) {
  ids layer(shape.size(), 0);
  for (const std::uint32_t task : topological(shape))
    for (const std::uint32_t input : shape.dependencies(task)) layer[task] = std::max(layer[task], layer[input] + 1);
  return layer;
}

std::string to_dot(const graph_shape& shape, const drawing& what) {
  const picture it = picture_of(shape, what);
  std::string out = "digraph weft {\n  rankdir=TB;\n  node [shape=box, style=\"rounded,filled\", fontsize=11];\n";
  if (!it.title.empty()) out += "  labelloc=t;\n  label=" + for_dot(it.title) + ";\n";
  for (std::uint32_t node = 0; node < it.boxes.size(); ++node) {
    const box& b = it.boxes[node];
    out += "  t" + std::to_string(node) + " [label=" + for_dot(b.below.empty() ? b.text : b.text + "\n" + b.below) +
           ", tooltip=" + for_dot(b.hint) + ", fillcolor=\"" + hex(b.fill) + "\"" +
           (b.fill.dark() ? ", fontcolor=\"#ffffff\"" : "") + "];\n";
  }
  for (std::uint32_t node = 0; node < it.boxes.size(); ++node)
    for (const std::uint32_t input : it.shape.dependencies(node))
      out += "  t" + std::to_string(input) + " -> t" + std::to_string(node) + ";\n";
  if (!what.states.empty()) {
    out += "  subgraph cluster_states {\n    color=\"#b0bec5\";\n";
    for (std::size_t s = 0; s < state_looks.size(); ++s)
      out += "    s" + std::to_string(s) + " [label=\"" + state_looks[s].name + "\", fillcolor=\"" +
             hex(state_looks[s].fill) + "\"];\n";
    out += "  }\n";
  }
  return out + "}\n";
}

std::string to_svg(const graph_shape& shape, const drawing& what) {
  const picture it = picture_of(shape, what);
  const layout places(it);
  const double top = it.title.empty() ? 0 : 28, legend = what.states.empty() ? 0 : 28;
  const double width = std::max({places.total_width(), 2 * margin + letter * static_cast<double>(width_of(it.title)),
                                 what.states.empty() ? 0 : 2 * margin + 92.0 * state_looks.size()});
  const double height = std::max(2 * margin, places.total_height()) + top + legend;
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" +
                    number(width) + "\" height=\"" + number(height) + "\" viewBox=\"0 0 " + number(width) + " " +
                    number(height) + "\" font-family=\"sans-serif\" font-size=\"12\" text-anchor=\"middle\">\n";
  out +=
      "<defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" "
      "orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#78909c\"/></marker></defs>\n"
      "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n";
  if (!it.title.empty()) out += text_at(width / 2, 22, it.title, " font-size=\"14\"");
  out += "<g transform=\"translate(" + number((width - places.total_width()) / 2) + " " + number(top) + ")\">\n";
  draw_edges(out, places);
  draw_boxes(out, it, places);
  out += "</g>\n";
  for (std::size_t s = 0; !what.states.empty() && s < state_looks.size(); ++s) {
    const double x = margin + 92.0 * static_cast<double>(s);
    out += "<rect x=\"" + number(x) + "\" y=\"" + number(height - 26) + "\" width=\"12\" height=\"12\" fill=\"" +
           hex(state_looks[s].fill) + "\" stroke=\"#546e7a\"/>\n" +
           text_at(x + 18, height - 16, state_looks[s].name, " text-anchor=\"start\"");
  }
  return out + "</svg>\n";
}

}  // namespace weft::detail
