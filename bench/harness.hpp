#pragma once

/// What a measurement of weft-bench is made of; the program's contract is in docs/benchmarks.md.
#include <cstddef>
#include <functional>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace bench {

/// What the command line says.
struct settings {
  bool quick = false;  // sizes that finish in about a tenth of the time
  unsigned threads = 2;
  int runs = 7;  // of each side, after one run to warm up
  bool peers = true;

  /// `full`, or `short_one` with --quick.
  template <class T>
  T size(T full, T short_one) const {
    return quick ? short_one : full;
  }
};

/// The two sides of one measurement. Each call is a run and gives its cost (less is better). A run checks its own
/// result and throws `wrong` when it is not right.
struct sides {
  std::function<double()> weft;
  std::function<double()> peer;  // none: `peer_name` is empty, and `note` says why
  std::string peer_name;
  std::string note;  // asked after the last run if `late_note` is set
  std::function<std::string()> late_note;
};

struct wrong : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// What prepare throws when something cannot be measured here: its fields are null, and the note says why.
struct not_here : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct measurement {
  std::string name;  // group.name
  std::string unit;
  std::string what;  // a line for --list
  std::function<sides(const settings&)> prepare;
};

/// Every measurement of this program, in the order in which they are listed.
std::vector<measurement>& all_measurements();

/// Adds a measurement; a namespace-scope object of this type does so before main.
struct registered {
  registered(std::string name, std::string unit, std::string what, std::function<sides(const settings&)> prepare) {
    all_measurements().push_back({std::move(name), std::move(unit), std::move(what), std::move(prepare)});
  }
};

/// What came of a measurement; the fields of one line of JSON. No runs: it could not be measured here.
struct outcome {
  std::string name, unit, peer, note;
  double weft = 0, min = 0, max = 0;
  int runs = 0;
  unsigned threads = 0;
  std::optional<double> peer_value, ratio;
  long peak_rss_mib = 0;
};

/// Runs both sides in turn: a warm-up of each, then weft, peer, weft, peer. The cost is the median, the ratio the
/// median of the ratios of neighbouring runs.
outcome measure(const measurement& m, const settings& s);

std::string to_json(const outcome& o);

/// Seconds on the machine's steady clock.
double seconds_now();

/// The median, for measurements whose one run is many samples; `v` is not empty.
double quantile(std::vector<double> v, double q);

/// Keeps the compiler from dropping what computes `v`.
template <class T>
void keep(const T& v) {
  asm volatile("" : : "g"(&v) : "memory");
}

}  // namespace bench
