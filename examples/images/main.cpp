// Forty thousand real pictures, the distances between all pairs of them, and the axes along which they differ most:
// three times as many bytes as there may be in memory.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <span>
#include <string>
#include <vector>

#include "idx.hpp"
#include "plain.hpp"
#include "scaling.hpp"
#include "weft/cluster.hpp"
#include "weft/weft.hpp"

namespace {

using clock_type = std::chrono::steady_clock;
using seconds = std::chrono::duration<double>;

const char* const usage =
    "usage: images [--images N] [--data FOLDER] [--no-check] [--quiet]\n"
    "\n"
    "Classical multidimensional scaling of the pictures of Fashion-MNIST: the squared distances of all pairs, and\n"
    "the two leading eigenvalues of the matrix they make when its means are taken away. What does not fit in the\n"
    "budget is on the disk meanwhile. The eigenvalues are checked against those of the pixels' covariance.\n"
    "\n"
    "  --images N      how many, from 100 to 70000; the default is 40000: 3 GiB of distances\n"
    "  --data FOLDER   where the IDX files are; the default is /usr/share/datasets/fashion-mnist\n"
    "  --no-check      leaves out the check, which takes seconds\n"
    "  --quiet         no progress\n"
    "\n"
    "WEFT_MEMORY=1G is the budget for values, WEFT_THREADS=N how many threads there are. By weft::main the same\n"
    "program runs on a cluster: --local-cluster=2 starts two workers here, --cluster ADDRESS uses one that is "
    "there.\n";

struct wrong_usage : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct options {
  std::string data = "/usr/share/datasets/fashion-mnist";
  std::size_t images = 40000;
  bool check = true, quiet = false, help = false;
};

std::size_t number(const std::string& flag, const std::string& text, std::size_t least, std::size_t most) {
  char* end = nullptr;
  const unsigned long long n = std::strtoull(text.c_str(), &end, 10);
  if (text.empty() || text[0] < '0' || text[0] > '9' || *end || n < least || n > most)
    throw wrong_usage(flag + " takes a number from " + std::to_string(least) + " to " + std::to_string(most) +
                      ", not '" + text + "'");
  return n;
}

options parse_options(std::span<char*> arguments) {
  options o;
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string flag = arguments[i];
    const auto value = [&]() -> std::string {
      if (i + 1 == arguments.size()) throw wrong_usage(flag + " needs a value");
      return arguments[++i];
    };
    if (flag == "--images")
      o.images = number(flag, value(), 100, 70000);
    else if (flag == "--data")
      o.data = value();
    else if (flag == "--no-check")
      o.check = false;
    else if (flag == "--quiet")
      o.quiet = true;
    else if (flag == "--help") {
      o.help = true;
    } else
      throw wrong_usage("unknown option '" + flag + "'");
  }
  return o;
}

/// The two parts of the work: what each has found, how long it took, and what the values had cost when it ended.
struct findings {
  images::centre centre;
  images::basis axes;
  std::uint64_t made = 0;  // bytes of distances
  seconds making{}, passing{};
  weft::memory_use after_making, after_passing;
};

constexpr int passes = 6;

weft::task<findings> scale(weft::client c, const images::pictures& p) {
  constexpr std::size_t side = 1000;  // of a block: 4 MB
  const auto begin = clock_type::now();
  const auto width = [&p, side](std::size_t strip) { return std::min(side, p.count - strip * side); };
  findings f;
  std::vector<weft::future<images::strip>> strips;
  for (std::size_t i = 0; i * side < p.count; ++i) strips.push_back(c.scatter(images::cut(p, i * side, width(i))));

  std::vector<weft::future<images::block>> blocks;
  std::vector<weft::future<images::partial>> sums;
  for (std::size_t row = 0; row < strips.size(); ++row)
    for (std::size_t column = row; column < strips.size(); ++column) {
      blocks.push_back(c.submit(images::distances, strips[row], strips[column]));
      sums.push_back(c.submit(images::row_sums, blocks.back()));
      f.made += width(row) * width(column) * sizeof(float);
    }
  auto centre = c.submit(images::average, std::move(sums), p.count);

  // Nothing has ended yet, and all that follows can be said already: so weft knows what is needed when.
  auto axes = c.submit(images::start, p.count);
  for (int pass = 0; pass < passes; ++pass) {
    std::reverse(blocks.begin(), blocks.end());  // begins with what the pass before has left in memory
    std::vector<weft::future<images::partial>> products;
    for (const auto& block : blocks) products.push_back(c.submit(images::multiply, block, centre, axes));
    axes = c.submit(images::improve, std::move(products), axes);
  }
  strips.clear();
  blocks.clear();  // each goes when the last task that needs it has ended

  f.centre = co_await std::move(centre);
  const auto made = clock_type::now();
  f.making = made - begin;
  f.after_making = c.memory();
  f.axes = co_await std::move(axes);
  f.passing = clock_type::now() - made;
  f.after_passing = c.memory();
  co_return f;
}

double gigabytes(std::uint64_t bytes) { return static_cast<double>(bytes) / 1e9; }

void print_part(const char* name, seconds time, const weft::memory_use& before, const weft::memory_use& after) {
  const auto rate = [&](std::uint64_t from, std::uint64_t to) { return gigabytes(to - from) / time.count(); };
  std::printf("%-28s %8.2f s   spilled %7.3f GB at %5.2f GB/s   reloaded %7.3f GB at %5.2f GB/s\n", name,
              time.count(), gigabytes(after.spilled - before.spilled), rate(before.spilled, after.spilled),
              gigabytes(after.reloaded - before.reloaded), rate(before.reloaded, after.reloaded));
}

int report(const options& o, const images::pictures& p, seconds reading, const findings& f) {
  const double n = static_cast<double>(p.count);
  const double first = f.axes.found[0] / n, second = f.axes.found[1] / n, all = f.centre.mean / 2;
  std::printf("%zu pictures of %zu pixels, %.3f GB of distances, budget %.3f GB\n\n", p.count, p.pixels,
              gigabytes(f.made), gigabytes(f.after_passing.budget));
  std::printf("%-28s %8.2f s\n", "reading", reading.count());
  print_part("distances and their means", f.making, {}, f.after_making);
  print_part((std::to_string(passes) + " passes over them").c_str(), f.passing, f.after_making, f.after_passing);
  std::printf("most in memory: %.3f GB; written to the disk: %.3f GB\n\n", gigabytes(f.after_passing.most_in_memory),
              gigabytes(f.after_passing.written));
  std::printf("%-28s %18s %18s %18s\n", "variance along", "the first axis", "the second", "all");
  std::printf("%-28s %18.4f %18.4f %18.4f\n", "scaling of the distances", first, second, all);
  if (!o.check) return 0;

  const auto begin = clock_type::now();
  const images::plain_variances plain = images::plain_pass(p);
  const double tolerance = 1e-4;
  const auto apart = [](double a, double b) { return std::abs(a - b) / b; };
  const double by_first = apart(first, plain.first), by_second = apart(second, plain.second);
  const double by_all = apart(all, plain.all);
  const bool same =
      by_first < tolerance && by_second < tolerance && by_all < tolerance;  // not so of what is no number
  std::printf("%-28s %18.4f %18.4f %18.4f\n", "covariance of the pixels", plain.first, plain.second, plain.all);
  std::printf("%-28s %18.1e %18.1e %18.1e\n\n", "apart by", by_first, by_second, by_all);
  std::printf("check: the covariance, without weft and on one thread (%.1f s), %s\n",
              seconds(clock_type::now() - begin).count(), same ? "matches" : "DIFFERS");
  if (!same)
    std::fprintf(stderr, "images: what the two ways find is apart by more than %.0e of its value\n", tolerance);
  return same ? 0 : 1;
}

weft::task<int> run(weft::client& c, std::span<char*> arguments) {
  try {
    const options o = parse_options(arguments);
    if (o.help) {
      std::cout << usage;
      co_return 0;
    }
    const auto begin = clock_type::now();
    const images::pictures p = images::read_pictures(
        {o.data + "/train-images-idx3-ubyte.gz", o.data + "/t10k-images-idx3-ubyte.gz"}, o.images);
    const seconds reading = clock_type::now() - begin;

    const auto style = o.quiet ? weft::progress_bar::style::silent : weft::progress_bar::style::guessed;
    const findings f = co_await weft::show_progress(c, "scaling", scale(c, p), style);
    co_return report(o, p, reading, f);
  } catch (const wrong_usage& e) {
    std::cerr << "images: " << e.what() << "\n" << usage;
    co_return 2;
  } catch (const images::no_data& e) {
    std::cerr << "images: " << e.what() << "\nInstall it by 'apt-get install dataset-fashion-mnist', or say where it "
              << "is: --data FOLDER\n";
    co_return 1;
  }
}

}  // namespace

int main(int argc, char** argv) { return weft::main(argc, argv, run); }
