// The one error type of Capstan: what happened, who acts next, and how. Operating errors are values (Result<T>);
// exceptions of libraries end at the boundary that calls them; assertions state what our own code guarantees.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace capstan {

// Sense key, additional sense code and qualifier as SPC-4 clause 4.5 numbers them.
struct SenseCode {
    std::uint8_t key = 0, asc = 0, ascq = 0;
    friend constexpr bool operator==(SenseCode, SenseCode) = default;
};

// What a device said about a command. `deferred`: about an earlier command (response code 71h/73h). NO SENSE with
// end_of_medium is early warning, whatever the additional code says, but for 00/07: that one is programmable early warning
// (scsi::is_programmable_early_warning). `information` is signed: a residual may be negative.
struct Sense {
    SenseCode code;
    bool deferred = false;
    bool filemark = false;
    bool end_of_medium = false;
    bool incorrect_length = false;
    std::optional<std::int64_t> information;
    std::optional<std::uint16_t> progress;  // of NOT READY and NO SENSE: how far a long operation is, in 65536ths
    friend constexpr bool operator==(const Sense&, const Sense&) = default;
};

// What the program does next. Callers branch on this, never on text.
enum class Recovery : std::uint8_t {
    stop_device,        // the device is not to be used until somebody looked at it; also: outcome unknown
    retry_later,        // busy or becoming ready: the same request may succeed by itself
    refresh_inventory,  // the picture of the library is stale
    replace_medium,     // this cartridge cannot do it, another may
    ask_operator,       // only a person can go on
    change_request,     // the request itself is wrong, or refused by a rule; nothing was done
    give_up,            // the operating system, a file or a database failed: the job stops, the daemon goes on
    cancelled,          // somebody cancelled it, or the daemon is stopping
};
std::string_view name_of(Recovery recovery);

struct Error {
    Recovery recovery = Recovery::give_up;
    std::string happened;  // the thing and the fact: what was attempted, on which device and volume tag
    std::string advice;    // the act: what the operator does next
    std::optional<Sense> sense;
};
template <class T>
using Result = std::expected<T, Error>;

// "happened. advice (05/3B/0D)": the one way an error is shown to a person.
std::string to_text(const Error& error);
std::string to_text(SenseCode code);  // "05/3B/0D"

std::unexpected<Error> fail(Recovery recovery, std::string happened, std::string advice = {});
std::unexpected<Error> fail_errno(int error_number, std::string happened, std::string advice = {});  // appends strerror

}  // namespace capstan

// Evaluates to the value of a Result, or returns its error from the enclosing function (CO_: coroutine).
#define CAPSTAN_TRY(declaration, expression)                                    \
    auto CAPSTAN_JOIN(try_, __LINE__) = (expression);                           \
    if (!CAPSTAN_JOIN(try_, __LINE__)) return std::unexpected(std::move(CAPSTAN_JOIN(try_, __LINE__).error())); \
    declaration = std::move(*CAPSTAN_JOIN(try_, __LINE__))
#define CAPSTAN_CHECK(expression) \
    if (auto try_result = (expression); !try_result) return std::unexpected(std::move(try_result.error()))
#define CAPSTAN_CO_TRY(declaration, expression)                                 \
    auto CAPSTAN_JOIN(try_, __LINE__) = (expression);                           \
    if (!CAPSTAN_JOIN(try_, __LINE__)) co_return std::unexpected(std::move(CAPSTAN_JOIN(try_, __LINE__).error())); \
    declaration = std::move(*CAPSTAN_JOIN(try_, __LINE__))
#define CAPSTAN_CO_CHECK(expression) \
    if (auto try_result = (expression); !try_result) co_return std::unexpected(std::move(try_result.error()))
#define CAPSTAN_JOIN(a, b) CAPSTAN_JOIN_(a, b)
#define CAPSTAN_JOIN_(a, b) a##b
