#include "drives/virtual/models/model.hpp"

#include <algorithm>
#include <array>

namespace capstan::virtual_library {
namespace {

constexpr std::array kModels{&kLto6, &kLto8, &kLto9, &kLto10, &kOld};

}  // namespace

const DensityAbility* DriveModel::ability(std::uint8_t medium_density) const {
    const auto found = std::ranges::find(densities, medium_density, &DensityAbility::density);
    return found == densities.end() ? nullptr : &*found;
}

const DriveModel* find_model(std::string_view name) {
    const auto found = std::ranges::find(kModels, name, [](const auto* model) { return model->name; });
    return found == kModels.end() ? nullptr : *found;
}

std::string model_names() {
    std::string names;
    for (const auto* model : kModels) names.append(names.empty() ? "" : ", ").append(model->name);
    return names;
}

}  // namespace capstan::virtual_library
