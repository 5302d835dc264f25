// The principal components of Fashion-MNIST's pictures, by a compressed SVD of an array that is larger than its
// memory budget: here or on a cluster, checked against a direct computation, and drawn.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "images/idx.hpp"
#include "images/plain.hpp"
#include "images/png.hpp"
#include "weft/array.hpp"
#include "weft/cluster.hpp"
#include "weft/weft.hpp"

namespace {

using clock_type = std::chrono::steady_clock;
using seconds = std::chrono::duration<double>;

constexpr std::int64_t components = 16;
constexpr std::size_t columns = 4, scale = 4;  // of the drawing

const char* const usage =
    "usage: principal_components [--images N] [--data FOLDER] [--png FILE] [--no-check]\n"
    "\n"
    "The 16 directions along which the pictures of Fashion-MNIST differ most. What does not fit in the budget is on\n"
    "the disk meanwhile. The two largest variances are checked against those of the pixels' covariance.\n"
    "\n"
    "  --images N      how many, from 1000 to 70000; the default is all, 0.44 GB of numbers\n"
    "  --data FOLDER   where the IDX files are; the default is /usr/share/datasets/fashion-mnist\n"
    "  --png FILE      where the components are drawn; the default is components.png\n"
    "  --no-check      leaves out the check, which takes seconds\n"
    "\n"
    "WEFT_MEMORY=100M is the budget for values. By weft::main the same program runs on a cluster: --local-cluster=2\n"
    "starts two workers here, --cluster ADDRESS uses one that is there.\n";

struct wrong_usage : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct options {
  std::string data = "/usr/share/datasets/fashion-mnist", png = "components.png";
  std::size_t images = 70000;
  bool check = true, help = false;
};

options parse_options(std::span<char*> arguments) {
  options o;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string flag = arguments[i];
    const auto value = [&]() -> std::string {
      if (i + 1 == arguments.size()) throw wrong_usage(flag + " needs a value");
      return arguments[++i];
    };
    if (flag == "--images") {
      const std::string text = value();
      char* end = nullptr;
      o.images = std::strtoull(text.c_str(), &end, 10);
      if (text.empty() || *end || o.images < 1000 || o.images > 70000)
        throw wrong_usage("--images takes a number from 1000 to 70000, not '" + text + "'");
    } else if (flag == "--data") {
      o.data = value();
    } else if (flag == "--png") {
      o.png = value();
    } else if (flag == "--no-check") {
      o.check = false;
    } else if (flag == "--help") {
      o.help = true;
    } else {
      throw wrong_usage("unknown option '" + flag + "'");
    }
  }
  return o;
}

struct findings {
  xt::xtensor<double, 2> axes;       // a component a row
  xt::xtensor<double, 1> variances;  // along them
  double all = 0;                    // of the pixels, added up
  seconds time{};
  weft::memory_use memory;
};

weft::task<findings> analyse(const weft::client& c, const images::pictures& p) {
  const auto begin = clock_type::now();
  xt::xtensor<std::uint8_t, 2> grey = xt::xtensor<std::uint8_t, 2>::from_shape({p.count, p.pixels});
  std::copy(p.grey.begin(), p.grey.end(), grey.begin());
  const auto pixels = weft::from_array(c, grey, {.chunk = {500, -1}});
  const weft::array<double, 2> numbers = weft::astype<double>(pixels);
  const weft::array<double, 1> means = weft::mean(numbers, 0).persist();
  const weft::array<double, 2> centred = weft::array<double, 2>(numbers - means).persist();
  const auto found = weft::svd_compressed(centred, components, {.power_iterations = 4});
  const weft::array<double, 2> axes = found.vt.persist();
  const weft::array<double, 2> places = weft::matmul(centred, weft::transpose(axes));

  findings f;
  f.variances = co_await weft::mean(weft::square(places), 0).compute();
  f.axes = co_await axes.compute();
  f.all = co_await weft::sum(weft::mean(weft::square(centred), 0)).compute();
  f.time = clock_type::now() - begin;
  f.memory = c.memory();
  co_return f;
}

/// The components side by side: grey is 0, what is lighter is positive.
void draw(const findings& f, const std::string& path) {
  const auto side = static_cast<std::size_t>(std::lround(std::sqrt(static_cast<double>(f.axes.shape()[1]))));
  if (side * side != f.axes.shape()[1]) throw std::runtime_error("the pictures are not square: they are not drawn");
  const std::size_t rows = (f.axes.shape()[0] + columns - 1) / columns, tile = side * scale + 2;
  const std::size_t width = columns * tile, height = rows * tile;
  std::vector<std::uint8_t> grey(width * height, 0);
  for (std::size_t k = 0; k < f.axes.shape()[0]; ++k) {
    double most = 0;
    for (std::size_t i = 0; i < side * side; ++i) most = std::max(most, std::abs(f.axes(k, i)));
    for (std::size_t y = 0; y < side * scale; ++y)
      for (std::size_t x = 0; x < side * scale; ++x) {
        const double value = f.axes(k, y / scale * side + x / scale) / most;
        grey[(k / columns * tile + y + 1) * width + k % columns * tile + x + 1] =
            static_cast<std::uint8_t>(std::lround(127.5 + 127.5 * value));
      }
  }
  images::write_png(path, grey, width, height);
  std::printf("the components are drawn in %s, %zu x %zu\n", path.c_str(), width, height);
}

double gigabytes(std::uint64_t bytes) { return static_cast<double>(bytes) / 1e9; }

int report(const options& o, const images::pictures& p, const findings& f) {
  std::printf("%zu pictures of %zu pixels, %.3f GB of numbers, budget %.3f GB: %.2f s\n", p.count, p.pixels,
              gigabytes(p.count * p.pixels * sizeof(double)), gigabytes(f.memory.budget), f.time.count());
  std::printf("most in memory: %.3f GB; spilled: %.3f GB; reloaded: %.3f GB\n", gigabytes(f.memory.most_in_memory),
              gigabytes(f.memory.spilled), gigabytes(f.memory.reloaded));
  double sum = 0;
  for (const double v : f.variances) sum += v;
  std::printf("%lld components have %.1f %% of the variance; the first three:", static_cast<long long>(components),
              100 * sum / f.all);
  for (std::size_t k = 0; k < 3; ++k) std::printf(" %.1f %%", 100 * f.variances(k) / f.all);
  std::printf("\n");
  draw(f, o.png);
  if (!o.check) return 0;

  const images::plain_variances plain = images::plain_pass(p);
  const auto apart = [](double a, double b) { return std::abs(a - b) / b; };
  const double first = apart(f.variances(0), plain.first), second = apart(f.variances(1), plain.second),
               all = apart(f.all, plain.all);
  const bool same = first < 1e-6 && second < 1e-6 && all < 1e-6;  // not so of what is no number
  std::printf(
      "check: the covariance, without weft and on one thread, %s: variances apart by %.1e, %.1e and, of all, "
      "%.1e\n",
      same ? "matches" : "DIFFERS", first, second, all);
  return same ? 0 : 1;
}

weft::task<int> run(weft::client& c, std::span<char*> arguments) {
  try {
    const options o = parse_options(arguments);
    if (o.help) {
      std::cout << usage;
      co_return 0;
    }
    const images::pictures p = images::read_pictures(
        {o.data + "/train-images-idx3-ubyte.gz", o.data + "/t10k-images-idx3-ubyte.gz"}, o.images);
    const findings f = co_await analyse(c, p);
    co_return report(o, p, f);
  } catch (const wrong_usage& e) {
    std::cerr << "principal_components: " << e.what() << "\n" << usage;
    co_return 2;
  } catch (const images::no_data& e) {
    std::cerr << "principal_components: " << e.what()
              << "\nInstall it by 'apt-get install dataset-fashion-mnist', or "
              << "say where it is: --data FOLDER\n";
    co_return 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  weft::blas_threads(1);  // tasks multiply side by side; workers, which are this program too, begin here as well
  return weft::main(argc, argv, run);
}
