// The program `tenon` as people meet it: what it prints, what it writes, and how it fails. The
// program is run as a process; TENON_PROGRAM says where it lies.
#include <doctest/doctest.h>

#include <signal.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "cli/npy.h"
#include "codegen/cpu_backend.h"
#include "session_support.h"

using namespace tenon;
using session_test::Outcome;

namespace {

const char* const classify =
    "a = input f32[64,32]\n"
    "w = input f32[32,10]\n"
    "p = softmax(relu(matmul(a, w)), axis=-1)\n"
    "output p\n";

std::string npy_of(const std::vector<std::int64_t>& shape, const std::vector<float>& values) {
  return cli::npy_header(Type::f32, shape) +
         std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
}

std::vector<float> values_in(const std::string& path) {
  const cli::NpyArray array = cli::parse_npy(contents(path), path);
  std::vector<float> values(array.bytes.size() / sizeof(float));
  std::memcpy(values.data(), array.bytes.data(), array.bytes.size());
  return values;
}

std::vector<float> noise(std::size_t count) {
  std::vector<float> values(count);
  std::uint32_t state = 12345;
  for (float& value : values) {
    state = state * 1664525 + 1013904223;
    value = static_cast<float>(state >> 8) / (1 << 23) - 1;
  }
  return values;
}

const std::string program = "'" TENON_PROGRAM "'";  // its path may hold blanks

// A folder with the graph of the README and values for it, and a cache of its own.
class Workplace : public Folder {
 public:
  Workplace() {
    file("g.tenon", classify);
    file("a.npy", npy_of({64, 32}, noise(64 * 32)));
    file("w.npy", npy_of({32, 10}, noise(32 * 10)));
  }
  Outcome tenon(const std::string& arguments, const std::string& before = "") const {
    return session_test::shell(*this,
                               before + " TENON_CACHE=cache.sqlite " + program + " " + arguments);
  }
};

const std::string with_inputs = "run g.tenon --input a=a.npy --input w=w.npy ";

}  // namespace

TEST_CASE("the example's compiled values are the interpreter's") {
  const Workplace place;
  CHECK(place.tenon(with_inputs + "--output p=p.npy").code == 0);
  CHECK(place.tenon(with_inputs + "--output p=q.npy --device interpret").code == 0);
  const auto compiled = values_in(place / "p.npy"), interpreted = values_in(place / "q.npy");
  REQUIRE(compiled.size() == 640);
  REQUIRE(interpreted.size() == 640);
  for (std::size_t i = 0; i < 640; ++i) CHECK(std::abs(compiled[i] - interpreted[i]) < 2e-6);
  for (std::size_t row = 0; row < 64; ++row) {
    double sum = 0;
    for (std::size_t i = 0; i < 10; ++i) sum += compiled[row * 10 + i];
    CHECK(sum == doctest::Approx(1));
  }
}

TEST_CASE("threads and instructions do not change a bit") {
  const Workplace place;
  CHECK(place.tenon(with_inputs + "--output p=p.npy --threads 1").code == 0);
  const std::string bits = contents(place / "p.npy");
  for (const std::string options : {"--threads 2", "--isa avx2", "--isa fma128 --threads 2"}) {
    if (options == "--isa avx2" && widest_isa() == Isa::fma128) continue;
    CHECK(place.tenon(with_inputs + "--output p=q.npy " + options).code == 0);
    CHECK(contents(place / "q.npy") == bits);
  }
}

TEST_CASE("an output without a file is printed") {
  const Workplace place;
  place.file("s.npy", npy_of({2, 3}, {1, 2, 3, 4, 5, 6}));
  place.file("t.tenon", "x = input f32[2,3]\ny = add(x, 1)\nz = sum(x)\noutput y, z\n");
  const Outcome outcome = place.tenon("run t.tenon --input x=s.npy --device interpret");
  CHECK(outcome.err == "");
  CHECK(outcome.out == "y = f32[2,3]\n[[2 3 4]\n [5 6 7]]\nz = f32[]\n21\n");
  CHECK(outcome.code == 0);
}

TEST_CASE("a warm process opens no LLVM and compiles nothing") {
  const Workplace place;
  const Outcome cold = place.tenon(with_inputs + "--output p=p.npy --statistics", "LD_DEBUG=files");
  CHECK(cold.code == 0);
  CHECK(cold.err.find("libLLVM") != std::string::npos);
  CHECK(cold.err.find("from cache: 0;") != std::string::npos);
  const Outcome warm = place.tenon(with_inputs + "--output p=q.npy --statistics", "LD_DEBUG=files");
  CHECK(warm.code == 0);
  CHECK(warm.err.find("LLVM") == std::string::npos);
  CHECK(warm.err.find("tenon_llvm") == std::string::npos);
  CHECK(warm.err.find("compiled: 0, from cache: ") != std::string::npos);
  CHECK(contents(place / "p.npy") == contents(place / "q.npy"));
}

// A matrix product that is large enough for packing.
const std::string product =
    "A = input f32[256,256]\nB = input f32[256,256]\nC = matmul(A, B)\noutput C\n";

TEST_CASE("moves call tensors and kernels by their names in the graph's text") {
  const Workplace place;
  place.file("m.tenon", product);
  place.file("m.npy", npy_of({256, 256}, noise(256 * 256)));
  place.file("m.moves",
             "split i -> ic ir(4) i0(8)   split j -> jc jr(2) j0(2) jv(16)   split k -> pc k0(64)\n"
             "order jc pc ic jr ir k0 i0 j0 jv\n"
             "stage B at pc   stage A at ic   stage C at ir in register\n"
             "bind ic parallel   bind i0 unroll   bind j0 unroll   bind jv vector\n");
  place.file("two.tenon", "x = input f32[2,3]\ns = sum(x, axes=[1])\nt = max(s)\noutput s, t\n");
  place.file("two.moves", "kernel s:\n  bind s.k unroll\n");
  place.file("x.npy", npy_of({2, 3}, {1, 2, 3, 4, 5, 6}));
  place.file("kind.tenon", "x = input f32[2,3]\nsum = add(sum(x, axes=[1]), 1.0)\noutput sum\n");
  const std::string run = "run m.tenon --input A=m.npy --input B=m.npy --output C=";
  CHECK(place.tenon(run + "c.npy --moves m.moves").err == "");
  CHECK(place.tenon(run + "d.npy").err == "");
  CHECK(contents(place / "c.npy") == contents(place / "d.npy"));
  const Outcome two = place.tenon("run two.tenon --input x=x.npy --moves two.moves");
  CHECK(two.err == "");
  CHECK(two.out == "s = f32[2]\n[ 6 15]\nt = f32[]\n15\n");
  const Outcome kind = place.tenon("explain kind.tenon --stage naive");  // its sum is named "sum"
  CHECK(kind.out.find("sum[i] = (sum2[i] + 1)") != std::string::npos);
}

TEST_CASE("explain shows what the cache knows in the words of the graph's text") {
  const Workplace place;
  place.file("m.tenon", product);
  place.file("m.npy", npy_of({256, 256}, noise(256 * 256)));
  const Outcome before = place.tenon("explain m.tenon --stage moves --stage cache");
  place.tenon("run m.tenon --input A=m.npy --input B=m.npy --output C=c.npy");
  const Outcome after = place.tenon("explain m.tenon --stage moves --stage cache");
  CHECK(after.err == "");
  CHECK(after.code == 0);
  CHECK(before.out.find("picked now: split C.j -> ") != std::string::npos);
  CHECK(before.out.find("not there") != std::string::npos);
  CHECK(after.out.find("picked: split C.j -> ") != std::string::npos);
  CHECK(after.out.find("stage C at C.") != std::string::npos);
  CHECK(after.out.find("not there") == std::string::npos);
}

TEST_CASE("a mistake is one line with its place, and exit code 2") {
  const Workplace place;
  place.file("narrow.npy", npy_of({64, 31}, noise(64 * 31)));
  place.file("noise.npy", "this is no array");
  place.file("bad.tenon", "a = input f32[64,32]\nb = matmul(a, a)\noutput b\n");
  place.file("misspelt.tenon", "a = input f32[64,32]\nb = sofmax(a)\noutput b\n");
  place.file("two.tenon", "x = iota(length=3)\ny = neg(x)\noutput x, y\n");
  place.file("no_such_move.moves", "kernel p:\n  frobnicate i\n");
  place.file("no_such_kernel.moves", "kernel nobody:\n  bind i parallel\n");
  struct Row {
    std::string arguments, message;  // message: a part of the line
  };
  const Row table[] = {
      {"", "A subcommand is required; see tenon --help"},
      {"frobnicate", "tenon: not expected: frobnicate; see tenon --help"},
      {"cache frobnicate", "tenon: not expected: frobnicate; see tenon --help"},
      {"run", "FILE is required; see tenon --help"},
      {"run g.tenon --frobnicate", "--frobnicate; see tenon --help"},
      {"run nowhere.tenon", "tenon: nowhere.tenon: cannot be read: No such file or directory"},
      {"run bad.tenon --input a=a.npy", "tenon: bad.tenon:2: "},
      {"run misspelt.tenon",
       "tenon: misspelt.tenon:2: unknown operation sofmax; did you mean softmax?"},
      {"explain misspelt.tenon", "did you mean softmax?"},
      {"run g.tenon --input a=a.npy",
       "tenon: g.tenon: input w f32[32,10] has no values; give --input w=FILE.npy"},
      {with_inputs + "--input x=a.npy",
       "tenon: --input x=a.npy: g.tenon has no input x; it has a, w"},
      {with_inputs + "--input a=w.npy", "tenon: --input a=w.npy: a is given twice"},
      {"run g.tenon --input a", "tenon: --input a: write --input NAME=FILE.npy"},
      {with_inputs + "--output q=q.npy",
       "tenon: --output q=q.npy: g.tenon has no output q; it has p"},
      {"run g.tenon --input a=narrow.npy --input w=w.npy",
       "tenon: narrow.npy: expected f32[64,32] for input a, the file has f32[64,31]"},
      {"run g.tenon --input a=noise.npy --input w=w.npy", "tenon: noise.npy: not a .npy file"},
      {"run g.tenon --input a=gone.npy --input w=w.npy", "tenon: gone.npy: cannot be read"},
      {"run /dev/zero", "tenon: /dev/zero: has over 67108864 bytes, more than is read here"},
      {"run g.tenon --input a=/dev/zero --input w=w.npy",
       "tenon: /dev/zero: has over 67125248 bytes, more than is read here"},
      {with_inputs + "--isa sse2", "tenon: --isa sse2: choose avx512, avx2 or fma128"},
      {with_inputs + "--device tpu", "tenon: --device tpu: choose cpu or interpret"},
      {with_inputs + "--threads 0", "see tenon --help"},
      {with_inputs + "--threads many", "see tenon --help"},
      {with_inputs + "--moves gone.moves", "tenon: gone.moves: cannot be read"},
      {with_inputs + "--moves no_such_move.moves", "tenon: no_such_move.moves:2: "},
      {with_inputs + "--moves no_such_kernel.moves",
       "tenon: no_such_kernel.moves: there is no kernel nobody; the graph has "},
      {"explain g.tenon --stage dessert", "tenon: --stage dessert: the stages are file, graph, "},
      {"cache show ffff", "tenon: cache show ffff: no kernel's hash begins so"},
      {"cache import a.npy", "tenon: a.npy: line 1: "},
      {"cache prune", "--limit is required; see tenon --help"},
      {"cache prune --limit -1", "tenon: --limit: give a size from 0 on, such as 64MiB"},
      {"run two.tenon --output x=x.npy --output y=./x.npy",
       "tenon: ./x.npy: the file would be written twice; name another one"},
  };
  for (const Row& row : table) {
    const Outcome outcome = place.tenon(row.arguments);
    CAPTURE(row.arguments);
    CAPTURE(outcome.err);
    CHECK(outcome.code == 2);
    CHECK(outcome.out == "");
    CHECK(outcome.err.find(row.message) != std::string::npos);
    CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
    CHECK(outcome.err.starts_with("tenon: "));
  }
}

TEST_CASE("what cannot be written is a failure with exit code 1, and leaves nothing") {
  const Workplace place;
  const Outcome outcome = place.tenon(with_inputs + "--output p=nowhere/p.npy");
  CHECK(outcome.code == 1);
  CHECK(outcome.err == "tenon: nowhere/p.npy: cannot be written: No such file or directory\n");
  CHECK(place.tenon(with_inputs + "--output p=p.npy").code == 0);
  CHECK(session_test::shell(place, "ls -A").out.find(".tmp") == std::string::npos);
  CHECK(session_test::shell(place, program + " frobnicate 2>/dev/full").code == 2);
  CHECK(session_test::shell(place, "TENON_CACHE=/dev/null " + program + " cache ls 2>&-").code ==
        0);
}

TEST_CASE("an interrupt waits until all files are written, whatever threads there are") {
  const Workplace place;
  place.file("g.tenon",
             "a = input f32[64,32]\nx = expand(reshape(a, shape=[2048,1]), shape=[2048,2048])\n"
             "b = relu(x)\nc = exp(x)\noutput b\noutput c\n");
  for (const char* threads : {"1", "2"}) {
    const Outcome outcome = session_test::shell(
        place, "rm -f b.npy c.npy; TENON_CACHE= " + program +
                   " run g.tenon --input a=a.npy --output b=b.npy --output c=c.npy --threads " +
                   std::string(threads) +
                   " & until [ -e b.npy.*.tmp ] || [ -e b.npy ]; do kill -0 $! || break; done; "
                   "kill $!; wait $!");
    CHECK((outcome.code == 128 + SIGTERM || outcome.code == 0));  // 0: it ended before the signal
    CHECK(session_test::shell(place, "ls").out == "a.npy\nb.npy\nc.npy\ng.tenon\nw.npy\n");
  }
}

TEST_CASE("a link to an output's file stays one") {
  const Workplace place;
  place.file("p.npy", "");
  CHECK(session_test::shell(place, "ln -s p.npy link.npy").code == 0);
  CHECK(place.tenon(with_inputs + "--output p=link.npy").code == 0);
  CHECK(values_in(place / "p.npy").size() == 640);
}

TEST_CASE("every subcommand has help with an example") {
  const Workplace place;
  for (const std::string command :
       {"", "run", "explain", "tune", "device", "cache", "cache ls", "cache show", "cache export",
        "cache import", "cache prune", "cache clear", "cache path"}) {
    const Outcome outcome = place.tenon(command + " --help");
    CAPTURE(command);
    CHECK(outcome.code == 0);
    CHECK(outcome.err == "");
    CHECK(outcome.out.find("Example") != std::string::npos);
    CHECK(outcome.out.find("tenon " + command) != std::string::npos);
  }
}

TEST_CASE("explain shows the stops, or those asked for") {
  const Workplace place;
  const Outcome all = place.tenon("explain g.tenon");
  CHECK(all.err == "");
  CHECK(all.code == 0);
  std::size_t at = 0;
  for (const char* stage :
       {"file", "graph", "rules", "kernels", "naive", "search", "moves", "finish", "ir", "cache"}) {
    CAPTURE(stage);
    const std::size_t found = all.out.find("== " + std::string(stage) + ": ", at);
    CHECK(found != std::string::npos);
    at = found == std::string::npos ? at : found;
  }
  CHECK(all.out.find("== asm: ") == std::string::npos);
  place.file("vast.tenon", "a = input f32[1000000,1000000]\nb = softmax(a)\noutput b\n");
  CHECK(place.tenon("explain vast.tenon --stage asm").out.starts_with("== asm: "));
  place.file("large.tenon",
             "x = input f32[8,256]\nw = input f32[256,300]\ny = matmul(x, w)\noutput y\n");
  CHECK(place.tenon("explain large.tenon --stage search --isa avx2")
            .out.find("from the second run on: w in blocks of 16 along axis 1\n") !=
        std::string::npos);
  CHECK(place.tenon("explain g.tenon --stage search").out.find("in blocks") == std::string::npos);
  const Outcome named = place.tenon("explain g.tenon --stage rules --stage kernels");
  CHECK(named.out.find("a = input f32[64,32]") != std::string::npos);
  CHECK(named.out.find("w f32[32,10]") != std::string::npos);
  CHECK(named.out.find("output p\n") != named.out.rfind("output p\n"));
  const Outcome one = place.tenon("explain g.tenon --stage asm --isa fma128");
  CHECK(one.out.starts_with("== asm: "));
  CHECK(one.out.find("vfmadd") != std::string::npos);
  CHECK(one.out.find("ymm") == std::string::npos);
}

TEST_CASE("the cache is listed, shown, moved and emptied") {
  const Workplace place;
  CHECK(place.tenon("cache path").out.ends_with("cache.sqlite\n"));
  CHECK(place.tenon("cache ls").out.starts_with("schedules: 0, compiled kernels: 0 "));
  CHECK(place.tenon(with_inputs).code == 0);
  const std::string listing = place.tenon("cache ls").out;
  CHECK(listing.find("picked") != std::string::npos);
  CHECK(listing.find("local %") == std::string::npos);  // a line with "=" instead
  const std::string hash = listing.substr(listing.find('\n') + 1, 12);
  CHECK(place.tenon("cache show " + hash).out.starts_with("kernel " + hash));
  CHECK(place.tenon("cache export all.jsonl").code == 0);
  CHECK(place.tenon("cache prune --limit 10EiB").out.starts_with("dropped: 0, "));
  CHECK(place.tenon("cache prune --limit 0B").out.ends_with("left: 0 bytes\n"));
  CHECK(place.tenon("cache clear").code == 0);
  CHECK(place.tenon("cache ls").out.starts_with("schedules: 0, compiled kernels: 0 "));
  CHECK(place.tenon("cache import all.jsonl").out.starts_with("imported: "));
  CHECK(place.tenon("cache ls").out.find("compiled kernels: 0 ") != std::string::npos);
  CHECK(place.tenon("cache show " + hash).code == 0);
}

TEST_CASE("a schedule that does not compile gives way to another, with one warning") {
  const Workplace place;
  place.file("r.tenon", "a = input f32[64,32]\nb = relu(a)\noutput b\n");
  const std::string run = "run r.tenon --input a=a.npy --output b=";
  CHECK(place.tenon(run + "first.npy").code == 0);
  CHECK(place.tenon("cache export all.jsonl").code == 0);
  CHECK(session_test::shell(
            place,
            R"(sed -i 's/"engine":"\([0-9]*\)[^"]*"/"engine":"\1"/;)"  // removes the build
            R"( s/"status":"picked"/"status":"tuned"/;)"
            R"( s/"moves":"[^"]*"/"moves":"bind i grid\\n"/' all.jsonl)")
            .code == 0);
  CHECK(place.tenon("cache clear").code == 0);
  CHECK(place.tenon("cache import all.jsonl").out == "imported: 1\n");
  const Outcome outcome = place.tenon(run + "second.npy");
  CHECK(outcome.code == 0);
  CHECK(outcome.err ==
        "tenon: warning: kernel map runs on another schedule, for one failed: loop map.i is bound "
        "to grid, which a CPU does not have\n");
  CHECK(contents(place / "first.npy") == contents(place / "second.npy"));
  CHECK(place.tenon("cache ls").out.find("rejected") != std::string::npos);
  const Outcome again = place.tenon(run + "third.npy --statistics");
  CHECK(again.err.starts_with("compiled: 0, from cache: 1;"));
}

TEST_CASE("device shows the processor's table") {
  const Workplace place;
  const Outcome outcome = place.tenon("device");
  CHECK(outcome.code == 0);
  for (const char* row : {"processor ", "vectors ", "threads ", "cache L1 ", "compiler "})
    CHECK(outcome.out.find(row) != std::string::npos);
}

TEST_CASE("DEBUG prints stages by name, and tells of one that is none") {
  const Workplace place;
  const Outcome outcome =
      place.tenon(with_inputs + "--output p=p.npy", "DEBUG=graph,cache,dessert");
  CHECK(outcome.code == 0);
  CHECK(outcome.err.starts_with("DEBUG: there is no stage 'dessert'; the stages are graph, "));
  CHECK(outcome.err.find("[graph] ") != std::string::npos);
  CHECK(outcome.err.find("[cache] ") != std::string::npos);
  CHECK(outcome.err.find("[loops] ") == std::string::npos);
}
