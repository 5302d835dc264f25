// metg.*: Task Bench, how small tasks may be. The environment variable WEFT_BENCH_CURVES names a directory that gets
// the efficiency over the granularity of each run as CSV.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>

#include "harness.hpp"
#include "task_bench/drivers.hpp"

namespace bench {
namespace {

void write_curve(const std::string& name, const metg_result& found) {
  const char* const directory = std::getenv("WEFT_BENCH_CURVES");
  if (!directory) return;
  const std::string path = std::string(directory) + "/" + name + ".csv";
  std::ofstream out(path);
  out << to_csv(found);
  out.close();
  if (!out) throw std::runtime_error("cannot write " + path + " (WEFT_BENCH_CURVES names its directory)");
}

std::string note_of(const std::vector<metg_result>& runs) {
  std::vector<double> floors, peaks, fine;
  for (const metg_result& r : runs) {
    floors.push_back(r.floor);
    peaks.push_back(r.peak);
    if (r.metg_95) fine.push_back(*r.metg_95);
  }
  char text[160];
  std::snprintf(text, sizeof text, "; floor %.3g us/task; peak %.4g GFLOP/s", quantile(floors, 0.5) * 1e6,
                quantile(peaks, 0.5) / 1e9);
  std::string note = WEFT_BENCH_COMPILER "; METG(95 %) ";
  if (fine.empty()) {
    note += "not reached";
  } else {
    char us[32];
    std::snprintf(us, sizeof us, "%.3g us", quantile(fine, 0.5) * 1e6);
    note += us;
  }
  return note + text;
}

/// METG(50 %) of a graph with a driver. Registers itself under "metg.NAME".
struct metg_measurement {
  metg_measurement(const std::string& name, const std::string& what, const graph_spec& graph, driver_maker make)
      : entry("metg." + name, "us", what, [name, graph, make](const settings& s) {
          struct both_sides {
            driver run;
            reference bare;
            std::vector<metg_result> results;
          };
          auto state = std::make_shared<both_sides>();
          state->run = make(s.threads);
          state->bare = bare_threads(s.threads);
          metg_request request;
          request.graph = graph;
          request.threads = s.threads;
          request.seconds = s.size(3.0, 1.0);
          sides out;
          out.weft = [state, request, name] {
            state->results.push_back(find_metg(request, state->run, state->bare));
            write_curve("metg." + name, state->results.back());
            return state->results.back().metg_50 * 1e6;
          };
          out.late_note = [state] { return note_of(state->results); };
          return out;
        }) {}
  registered entry;
};

graph_spec graph_of(pattern p, long width, long radix = 3) {
  graph_spec g;
  g.pattern = p;
  g.width = width;
  g.radix = radix;
  g.steps = 1000;
  return g;
}

const metg_measurement trivial("trivial_coroutines", "METG(50 %), no dependencies, width 2, a coroutine a thread",
                               graph_of(pattern::trivial, 2), coroutines_driver);
const metg_measurement stencil("stencil_coroutines", "METG(50 %), three-point stencil, width 2, a coroutine a thread",
                               graph_of(pattern::stencil_1d, 2), coroutines_driver);
const metg_measurement nearest("nearest_coroutines", "METG(50 %), five neighbours, width 32, a coroutine a thread",
                               graph_of(pattern::nearest, 32, 5), coroutines_driver);
const metg_measurement fft("fft_coroutines", "METG(50 %), butterflies, width 32, a coroutine a thread",
                           graph_of(pattern::fft, 32), coroutines_driver);
const metg_measurement nearest_points("nearest_point_coroutines", "the same with a coroutine a point: 32 of them",
                                      graph_of(pattern::nearest, 32, 5), point_coroutines_driver);
const metg_measurement fft_points("fft_point_coroutines", "the same with a coroutine a point: 32 of them",
                                  graph_of(pattern::fft, 32), point_coroutines_driver);

const metg_measurement trivial_layer("trivial", "METG(50 %), no dependencies, width 2, one layer",
                                     graph_of(pattern::trivial, 2), engine_driver);
const metg_measurement stencil_layer("stencil", "METG(50 %), three-point stencil, width 2, one layer",
                                     graph_of(pattern::stencil_1d, 2), engine_driver);
const metg_measurement nearest_layer("nearest", "METG(50 %), five neighbours, width 32, one layer",
                                     graph_of(pattern::nearest, 32, 5), engine_driver);
const metg_measurement fft_layer("fft", "METG(50 %), butterflies, width 32, one layer", graph_of(pattern::fft, 32),
                                 engine_driver);

const metg_measurement trivial_futures("trivial_futures", "METG(50 %), no dependencies, width 2, each task submitted",
                                       graph_of(pattern::trivial, 2), futures_driver);
const metg_measurement stencil_futures("stencil_futures",
                                       "METG(50 %), three-point stencil, width 2, each task submitted",
                                       graph_of(pattern::stencil_1d, 2), futures_driver);
const metg_measurement nearest_futures("nearest_futures",
                                       "METG(50 %), five neighbours, width 32, each task submitted",
                                       graph_of(pattern::nearest, 32, 5), futures_driver);
const metg_measurement fft_futures("fft_futures", "METG(50 %), butterflies, width 32, each task submitted",
                                   graph_of(pattern::fft, 32), futures_driver);

}  // namespace
}  // namespace bench
