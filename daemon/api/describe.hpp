// All descriptions, and the words of the enums.
#pragma once

#include "daemon/api/describe_jobs.hpp"
#include "daemon/api/describe_library.hpp"

namespace capstan::api {

template <class Enum>
inline constexpr Enum kAllValues[1] = {};
template <>
inline constexpr JobState kAllValues<JobState>[] = {JobState::queued,     JobState::running, JobState::waiting,  JobState::completed,
                                                    JobState::incomplete, JobState::failed,  JobState::cancelled};
template <>
inline constexpr ObjectOutcome kAllValues<ObjectOutcome>[] = {
    ObjectOutcome::saved,    ObjectOutcome::changed, ObjectOutcome::skipped,      ObjectOutcome::not_saved, ObjectOutcome::restored,
    ObjectOutcome::kept,     ObjectOutcome::not_restored, ObjectOutcome::verified, ObjectOutcome::differs};
template <>
inline constexpr Existing kAllValues<Existing>[] = {Existing::never, Existing::older, Existing::always};

}  // namespace capstan::api
