// Classifies a photo with a model of graftkit, with LiteRT's C library and nothing else.
//
//     pip install "ai-edge-litert>=2.3,<2.4"          # brings libLiteRt.so, for x86-64 and 64-bit Arm
//     litert=$(python -c "import ai_edge_litert; print(ai_edge_litert.__path__[0])")
//     g++ -std=c++17 -O2 classify.cpp -o classify "$litert/libLiteRt.so" -Wl,-rpath,"$litert"
//
//     unzip -p pets.tflite labels.txt > labels.txt
//     djpeg photo.jpg > photo.ppm                     # any program that writes a binary PPM
//     ./classify pets.tflite labels.txt photo.ppm 0.618
//
// The last argument is the score below which a photo is unknown: `graft-device info pets.tflite` prints it.
// The model must be int8, as graft train writes it unless --quantize says otherwise.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <numeric>
#include <stdexcept>
#include <string>
#include <vector>

// What this program uses of LiteRT 2.3, because the Python package has no headers. With those of LiteRT's C++ SDK, include
// litert/c/litert_environment.h, litert_model.h, litert_options.h, litert_compiled_model.h and litert_tensor_buffer.h.
extern "C" {
struct LiteRtEnvironmentT;
struct LiteRtModelT;
struct LiteRtSignatureT;
struct LiteRtTensorT;
struct LiteRtOptionsT;
struct LiteRtCompiledModelT;
struct LiteRtTensorBufferRequirementsT;
struct LiteRtTensorBufferT;
struct LiteRtLayout {
  unsigned int rank : 7;
  unsigned int has_strides : 1;
  int32_t dimensions[8];
  uint32_t strides[8];
};
struct LiteRtRankedTensorType {
  int32_t element_type;
  LiteRtLayout layout;
};
int LiteRtCreateEnvironment(int, const void*, LiteRtEnvironmentT**);
void LiteRtDestroyEnvironment(LiteRtEnvironmentT*);
int LiteRtCreateModelFromFile(LiteRtEnvironmentT*, const char*, LiteRtModelT**);
void LiteRtDestroyModel(LiteRtModelT*);
int LiteRtGetModelSignature(LiteRtModelT*, size_t, LiteRtSignatureT**);
int LiteRtGetSignatureInputTensorByIndex(LiteRtSignatureT*, size_t, LiteRtTensorT**);
int LiteRtGetSignatureOutputTensorByIndex(LiteRtSignatureT*, size_t, LiteRtTensorT**);
int LiteRtGetRankedTensorType(LiteRtTensorT*, LiteRtRankedTensorType*);
int LiteRtCreateOptions(LiteRtOptionsT**);
void LiteRtDestroyOptions(LiteRtOptionsT*);
int LiteRtSetOptionsHardwareAccelerators(LiteRtOptionsT*, int);
int LiteRtCreateCompiledModel(LiteRtEnvironmentT*, LiteRtModelT*, LiteRtOptionsT*, LiteRtCompiledModelT**);
void LiteRtDestroyCompiledModel(LiteRtCompiledModelT*);
int LiteRtGetCompiledModelInputBufferRequirements(LiteRtCompiledModelT*, size_t, size_t,
                                                  LiteRtTensorBufferRequirementsT**);
int LiteRtGetCompiledModelOutputBufferRequirements(LiteRtCompiledModelT*, size_t, size_t,
                                                   LiteRtTensorBufferRequirementsT**);
int LiteRtCreateManagedTensorBufferFromRequirements(LiteRtEnvironmentT*, const LiteRtRankedTensorType*,
                                                    LiteRtTensorBufferRequirementsT*, LiteRtTensorBufferT**);
void LiteRtDestroyTensorBuffer(LiteRtTensorBufferT*);
int LiteRtLockTensorBuffer(LiteRtTensorBufferT*, void**, int);
int LiteRtUnlockTensorBuffer(LiteRtTensorBufferT*);
int LiteRtRunCompiledModel(LiteRtCompiledModelT*, size_t, size_t, LiteRtTensorBufferT**, size_t,
                           LiteRtTensorBufferT**);
}
constexpr int kFloat32 = 1, kUInt8 = 3, kCpu = 1, kRead = 0, kWrite = 1;

void check(int status, const std::string& action) {
  if (status != 0) throw std::runtime_error(action + " failed with LiteRT's status " + std::to_string(status));
}

struct Image {
  int width = 0, height = 0;
  std::vector<uint8_t> rgb;  // row by row, from the top
};

// A number of a PPM's header. Lines that begin with # are comments.
int header_number(std::istream& file) {
  while (file >> std::ws && file.peek() == '#') file.ignore(1 << 20, '\n');
  int number = 0;
  file >> number;
  return number;
}

Image read_ppm(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  char magic[2] = {};
  file.read(magic, 2);
  Image image;
  image.width = header_number(file);
  image.height = header_number(file);
  const int white = header_number(file);
  file.get();
  const bool sound = magic[0] == 'P' && magic[1] == '6' && white == 255 && image.width > 0 && image.height > 0 &&
                     image.width <= 20000 && image.height <= 20000;
  if (!file || !sound) throw std::runtime_error(path + " is not a binary PPM of 8 bits");
  image.rgb.resize(size_t{3} * image.width * image.height);
  file.read(reinterpret_cast<char*>(image.rgb.data()), static_cast<std::streamsize>(image.rgb.size()));
  if (!file) throw std::runtime_error(path + " ends too early");
  return image;
}

// Resizes along x as graftkit does: linear, over all pixels that a smaller one covers. Turns the image, too, so that two
// calls resize along both sides.
Image resize_and_turn(const Image& from, int width) {
  Image to;
  to.width = from.height;
  to.height = width;
  to.rgb.resize(size_t{3} * to.width * to.height);
  const double step = static_cast<double>(from.width) / width, reach = std::max(step, 1.0);
  for (int x = 0; x < width; ++x) {
    const double centre = (x + 0.5) * step;
    const int first = std::max(0, static_cast<int>(centre - reach + 0.5));
    const int last = std::min(from.width, static_cast<int>(centre + reach + 0.5));
    std::vector<double> weights;
    for (int source = first; source < last; ++source)
      weights.push_back(std::max(0.0, 1 - std::abs((source + 0.5 - centre) / reach)));
    const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (int y = 0; y < from.height; ++y)
      for (int colour = 0; colour < 3; ++colour) {
        double sum = 0;
        for (int source = first; source < last; ++source)
          sum += weights[source - first] * from.rgb[3 * (size_t{1} * y * from.width + source) + colour];
        to.rgb[3 * (size_t{1} * x * to.width + y) + colour] = static_cast<uint8_t>(std::lround(sum / total));
      }
  }
  return to;
}

Image resize(const Image& image, int side) {
  if (image.width == side && image.height == side) return image;
  return resize_and_turn(resize_and_turn(image, side), side);
}

std::vector<std::string> read_labels(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> labels;
  for (std::string line; std::getline(file, line);) labels.push_back(line);
  return labels;
}

class Classifier {
 public:
  explicit Classifier(const std::string& path) {
    check(LiteRtCreateEnvironment(0, nullptr, &environment_), "starting LiteRT");
    check(LiteRtCreateModelFromFile(environment_, path.c_str(), &model_), "opening " + path);
    LiteRtSignatureT* signature = nullptr;
    LiteRtTensorT *pixels = nullptr, *scores = nullptr;
    check(LiteRtGetModelSignature(model_, 0, &signature), "reading the signature");
    check(LiteRtGetSignatureInputTensorByIndex(signature, 0, &pixels), "reading the input");
    check(LiteRtGetSignatureOutputTensorByIndex(signature, 0, &scores), "reading the output");
    check(LiteRtGetRankedTensorType(pixels, &input_type_), "reading the input's type");
    check(LiteRtGetRankedTensorType(scores, &output_type_), "reading the output's type");
    if (input_type_.element_type != kUInt8 || output_type_.element_type != kFloat32)
      throw std::runtime_error(path + " is not an int8 model of graftkit; train it with --quantize int8");
    LiteRtOptionsT* options = nullptr;
    check(LiteRtCreateOptions(&options), "creating options");
    check(LiteRtSetOptionsHardwareAccelerators(options, kCpu), "choosing the processor");
    check(LiteRtCreateCompiledModel(environment_, model_, options, &compiled_), "preparing the network");
    LiteRtDestroyOptions(options);
    LiteRtTensorBufferRequirementsT* needs = nullptr;
    check(LiteRtGetCompiledModelInputBufferRequirements(compiled_, 0, 0, &needs), "sizing the input");
    check(LiteRtCreateManagedTensorBufferFromRequirements(environment_, &input_type_, needs, &input_), "its memory");
    check(LiteRtGetCompiledModelOutputBufferRequirements(compiled_, 0, 0, &needs), "sizing the output");
    check(LiteRtCreateManagedTensorBufferFromRequirements(environment_, &output_type_, needs, &output_), "its memory");
  }

  Classifier(const Classifier&) = delete;
  Classifier& operator=(const Classifier&) = delete;

  ~Classifier() {
    LiteRtDestroyTensorBuffer(output_);
    LiteRtDestroyTensorBuffer(input_);
    LiteRtDestroyCompiledModel(compiled_);
    LiteRtDestroyModel(model_);
    LiteRtDestroyEnvironment(environment_);
  }

  int side() const { return input_type_.layout.dimensions[1]; }

  size_t classes() const { return static_cast<size_t>(output_type_.layout.dimensions[1]); }

  // The probabilities of the classes for an image of side() x side() pixels.
  std::vector<float> scores(const Image& image) {
    void* memory = nullptr;
    check(LiteRtLockTensorBuffer(input_, &memory, kWrite), "opening the input");
    std::memcpy(memory, image.rgb.data(), image.rgb.size());
    check(LiteRtUnlockTensorBuffer(input_), "closing the input");
    check(LiteRtRunCompiledModel(compiled_, 0, 1, &input_, 1, &output_), "running the network");
    std::vector<float> result(classes());
    check(LiteRtLockTensorBuffer(output_, &memory, kRead), "opening the output");
    std::memcpy(result.data(), memory, result.size() * sizeof(float));
    check(LiteRtUnlockTensorBuffer(output_), "closing the output");
    return result;
  }

 private:
  LiteRtEnvironmentT* environment_ = nullptr;
  LiteRtModelT* model_ = nullptr;
  LiteRtCompiledModelT* compiled_ = nullptr;
  LiteRtTensorBufferT *input_ = nullptr, *output_ = nullptr;
  LiteRtRankedTensorType input_type_ = {}, output_type_ = {};
};

int main(int count, char** words) try {
  if (count < 4 || count > 5) {
    std::cerr << "usage: classify MODEL.tflite LABELS.txt PHOTO.ppm [UNKNOWN_BELOW]\n";
    return 2;
  }
  const std::vector<std::string> labels = read_labels(words[2]);
  const Image photo = read_ppm(words[3]);
  Classifier classifier(words[1]);
  if (labels.size() != classifier.classes()) throw std::runtime_error("the labels are not those of the model");
  const std::vector<float> scores = classifier.scores(resize(photo, classifier.side()));
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return scores[a] > scores[b]; });
  const bool unknown = count == 5 && scores[order[0]] < std::atof(words[4]);
  std::cout << (unknown ? "unknown" : labels[order[0]]) << "\n";
  for (size_t index : order) std::cout << "  " << labels[index] << " " << scores[index] << "\n";
  return 0;
} catch (const std::exception& error) {
  std::cerr << "error: " << error.what() << "\n";
  return 1;
}
