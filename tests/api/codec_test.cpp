#include "daemon/api/codec.hpp"

#include "daemon/api/describe.hpp"
#include "daemon/api/routes.hpp"

#include <gtest/gtest.h>

namespace capstan::api {
namespace {

const std::string kOddName = "caf\xC3\xA9/\xFF\x80 odd\n\"";  // not UTF-8

// Gives every member another value than its default, through the same description that the JSON uses.
class Filler {
    std::uint64_t next_ = 1;
    bool lists_;

  public:
    explicit Filler(bool lists) : lists_(lists) {}
    template <class T>
    void operator()(const char*, T& value) {
        fill(value);
    }
    template <class T>
    void number(const char*, T& value, T least, T) {
        value = least + static_cast<T>(next_++ % 100);
    }
    void bytes(const char*, std::string& value) { value = kOddName + std::to_string(next_++); }
    void bytes(const char*, std::vector<std::string>& values) { values = {"/plain", kOddName, ""}; }

  private:
    template <class T>
    void fill(T& value) {
        if constexpr (std::is_same_v<T, bool>)
            value = !value;
        else if constexpr (std::is_enum_v<T>)
            value = kAllValues<T>[1];
        else if constexpr (std::is_integral_v<T>)
            value = static_cast<T>(next_++);
        else
            describe(*this, value);
    }
    void fill(std::string& value) { value = "text é " + std::to_string(next_++); }
    void fill(Time& value) { value = {static_cast<std::int64_t>(1'700'000'000 + next_++), 500}; }
    template <class T>
    void fill(std::optional<T>& value) {
        value.emplace();
        fill(*value);
    }
    template <class T>
    void fill(std::vector<T>& values) {
        if (!lists_) return;
        values.resize(2);
        for (auto& value : values) fill(value);
    }
};

template <class T>
class RoundTrip : public testing::Test {};
using AllTypes =
    testing::Types<None, ListRequest, Accepted, LibraryInfo, LibraryList, ElementInfo, LibraryDetails, WorkParameters, InventoryRequest, DisableRequest,
                   DriveInfo, DriveList, MediaInfo, MediaQuery, MediaList, SetOnMedium, ErrorsInDrive, MediaDetails, LabelRequest,
                   WorkAccepted, MoveRequest, ImportRequest, EraseRequest, AdoptRequest, PoolInfo,
                   PoolList, PoolChange, OperatorRequest, RequestList, RequestQuery, AnswerRequest, WorkItem, WorkList,
                   WorkQuery, WatchRequest, Candidate, Explanation, Progress, JobInfo, JobQuery, JobList>;
using MoreTypes =
    testing::Types<ConfiguredJob, ConfiguredJobList, LogQuery, LogLine, JobLog, BackupRequest, RestoreRequest, SetInfo,
                   SetQuery, SetList, VerifyRequest, ObjectInfo, BrowseQuery, FindQuery, VersionsQuery, ObjectList,
                   RebuildRequest, CatalogProblem, CatalogCheck, StatusReply>;
TYPED_TEST_SUITE_P(RoundTrip);

TYPED_TEST_P(RoundTrip, KeepsEveryMember) {
    TypeParam plain, filled;
    Filler filler(true);
    describe(filler, filled);
    for (const auto& value : {plain, filled}) {
        for (auto layout : {Layout::compact, Layout::indented}) {
            auto text = encode(value, layout);
            auto again = decode<TypeParam>(text, UnknownKeys::refuse);
            ASSERT_TRUE(again) << to_text(again.error()) << text;
            EXPECT_EQ(*again, value) << text;
        }
    }
    if (!std::is_same_v<TypeParam, None>) {
        EXPECT_NE(encode(plain), encode(filled));
    }
    auto unknown = decode<TypeParam>(R"({"nobody knows this":1})", UnknownKeys::refuse);
    ASSERT_FALSE(unknown);
    EXPECT_NE(unknown.error().happened.find("nobody knows this"), std::string::npos);
    EXPECT_TRUE(decode<TypeParam>(R"({"nobody knows this":1})", UnknownKeys::pass_over));
}
REGISTER_TYPED_TEST_SUITE_P(RoundTrip, KeepsEveryMember);
INSTANTIATE_TYPED_TEST_SUITE_P(Api, RoundTrip, AllTypes);
INSTANTIATE_TYPED_TEST_SUITE_P(ApiJobs, RoundTrip, MoreTypes);

template <class T>
void expect_query_round_trip() {
    T value;
    Filler filler(false);
    describe(filler, value);
    auto again = decode_query<T>(encode_query(value));
    ASSERT_TRUE(again) << to_text(again.error());
    EXPECT_EQ(*again, value);
    auto empty = decode_query<T>("");
    ASSERT_TRUE(empty);
    EXPECT_EQ(*empty, T{});
}

TEST(Query, RoundTrips) {
    expect_query_round_trip<ListRequest>();
    expect_query_round_trip<MediaQuery>();
    expect_query_round_trip<RequestQuery>();
    expect_query_round_trip<WorkQuery>();
    expect_query_round_trip<WatchRequest>();
    expect_query_round_trip<JobQuery>();
    expect_query_round_trip<LogQuery>();
    expect_query_round_trip<SetQuery>();
    expect_query_round_trip<BrowseQuery>();
    expect_query_round_trip<FindQuery>();
    expect_query_round_trip<VersionsQuery>();
}

TEST(Query, RefusesWhatIsWrong) {
    struct Case {
        const char* query;
        const char* expected;
    };
    for (auto c :
         {Case{"limit=0", "'limit' is not from 1 to 10000"}, Case{"limit=ten", "'limit' is not a whole number"},
          Case{"limit=-1", "'limit' is not a whole number"}, Case{"limits=1", "'limits' is not known"},
          Case{"path=%zz", "'%' without two"}, Case{"limit=1&limit=2", "in the query twice"}}) {
        auto got = decode_query<BrowseQuery>(c.query);
        ASSERT_FALSE(got) << c.query;
        EXPECT_NE(got.error().happened.find(c.expected), std::string::npos) << got.error().happened;
        EXPECT_EQ(got.error().recovery, Recovery::change_request);
    }
}

TEST(Decode, NamesTheKeyThatIsWrong) {
    struct Case {
        const char* json;
        const char* expected;
    };
    for (auto c : {Case{"", "not JSON"}, Case{"[]", "the request is not an object"},
                   Case{"{\"paths\":\"/a\"}", "'paths' is not a list"},
                   Case{"{\"paths\":[\"/a\",1]}", "'paths[1]' is not a text"},
                   Case{"{\"paths\":[{\"name\":\"a\",\"name_bytes\":\"?\"}]}", "'paths[0]' is not base64"},
                   Case{"{\"cross_file_systems\":1}", "'cross_file_systems' is not true or false"},
                   Case{"{\"pathes\":[]}", "'pathes' is not known"},
                   Case{"{\"file_bytes\":\"a\"}", "'file_bytes' is not base64"},
                   Case{"{\"name\":{}}", "'name' is not a text"}, Case{"{} x", "not JSON"}}) {
        auto got = decode<BackupRequest>(c.json, UnknownKeys::refuse);
        ASSERT_FALSE(got) << c.json;
        EXPECT_NE(got.error().happened.find(c.expected), std::string::npos) << got.error().happened;
    }
    auto restore = decode<RestoreRequest>(R"({"existing":"maybe"})", UnknownKeys::refuse);
    ASSERT_FALSE(restore);
    EXPECT_EQ(restore.error().happened, "the key 'existing' is not one of never, older, always");
    EXPECT_FALSE(decode<RestoreRequest>(R"({"set":1.5})", UnknownKeys::refuse));
    EXPECT_FALSE(decode<RestoreRequest>(R"({"set":-1})", UnknownKeys::refuse));
    EXPECT_FALSE(decode<RestoreRequest>(R"({"at":"yesterday"})", UnknownKeys::refuse));
    EXPECT_EQ(decode<RestoreRequest>(R"({"set":18446744073709551615})", UnknownKeys::refuse)->set,
              18446744073709551615U);
    auto deep = decode<JobInfo>(R"({"progress":{"bytes":"x"}})", UnknownKeys::pass_over);
    ASSERT_FALSE(deep);
    EXPECT_NE(deep.error().happened.find("progress.bytes"), std::string::npos);
    EXPECT_FALSE(decode<JobInfo>(std::string(100'000, '['), UnknownKeys::pass_over));
}

TEST(Names, ThatAreNotUtf8TravelTwice) {
    ObjectInfo object;
    object.name = "a\xFFz";
    auto text = encode(object);
    EXPECT_NE(text.find("\"name\":\"a\xEF\xBF\xBDz\",\"name_bytes\":\"Yf96\""), std::string::npos) << text;
    object.name = "plain";
    EXPECT_EQ(encode(object).find("name_bytes"), std::string::npos);
}

TEST(Errors, RoundTrip) {
    Error error{Recovery::ask_operator, "drive D1: cannot write A\xFF", "Slide its tab.", Sense{{7, 0x27, 0}}};
    auto again = decode_error(encode_error(error), http_status(error.recovery));
    EXPECT_EQ(to_text(again), "drive D1: cannot write A\xEF\xBF\xBD. Slide its tab. (07/27/00)");
    EXPECT_EQ(again.recovery, Recovery::ask_operator);
    for (auto text : {"", "{", "{}", "[]", "{\"error\":1}", "{\"error\":{\"happened\":1}}"})
        EXPECT_NE(decode_error(text, 500).happened.find("500"), std::string::npos) << text;
}

TEST(Base64, RoundTripsAndRefuses) {
    std::string bytes;
    for (int i = 0; i < 300; ++i) {
        EXPECT_EQ(base64_decode(base64_encode(bytes)), bytes);
        bytes += static_cast<char>(i * 7);
    }
    EXPECT_EQ(base64_encode("foobar"), "Zm9vYmFy");
    EXPECT_EQ(base64_encode("fo"), "Zm8=");
    for (auto text : {"A", "AA", "AAA", "A===", "AA=A", "====", "AA==AAAA", "A A=", "AAA\n"})
        EXPECT_FALSE(base64_decode(text)) << text;
}

TEST(Percent, RoundTripsEveryByte) {
    std::string bytes;
    for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
    EXPECT_EQ(percent_decode(percent_encode(bytes)), bytes);
    EXPECT_FALSE(percent_decode("%"));
    EXPECT_FALSE(percent_decode("%4"));
    EXPECT_FALSE(percent_decode("%4g"));
}

TEST(Utf8, KnowsWellFormedText) {
    for (auto good : {"", "a", "é", "€", "\xF0\x9F\x98\x80", "\xEF\xBF\xBD"}) EXPECT_TRUE(is_utf8(good));
    for (auto bad : {"\x80", "\xC0\x80", "\xC3", "\xE2\x82", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80",
                     "\xE0\x80\x80", "\xF0\x80\x80\x80"}) {
        EXPECT_FALSE(is_utf8(bad));
        EXPECT_TRUE(is_utf8(repair_utf8(bad)));
    }
}

TEST(Times, RoundTrip) {
    for (auto time :
         {Time{0, 0}, Time{1'763'828'400, 0}, Time{-1, 999'999'999}, Time{253402300799, 1}, Time{253402300800, 0},
          Time{-62167219200, 0}, Time{-62167219201, 5}, Time{INT64_MAX, 0}, Time{INT64_MIN, 120'000'000}})
        EXPECT_EQ(parse_time(time_text(time)), time) << time_text(time);
    EXPECT_EQ(time_text({951782400, 500'000'000}), "2000-02-29T00:00:00.5Z");
    EXPECT_EQ(parse_time("2000-02-29")->seconds, 951782400);
    EXPECT_EQ(parse_time("2000-02-29 01:00")->seconds, 951786000);
    for (auto bad : {"", "@", "2001-02-29", "2000-2-29", "2000-02-29T24:00:00Z", "2000-02-29T1:00",
                     "2000-02-29T01:00:00.Z", "2000-02-29T01:00:00+01:00", "now", "@1x"})
        EXPECT_FALSE(parse_time(bad)) << bad;
    EXPECT_EQ(time_of(std::chrono::system_clock::time_point(std::chrono::milliseconds(-1))), (Time{-1, 999'000'000}));
}

TEST(Paths, AreFilledAndMatched) {
    EXPECT_EQ(fill_path(kJobLog.path, {"7"}), "/v1/jobs/7/log");
    EXPECT_EQ(fill_path(kStatus.path, {}), "/v1/status");
    auto path = fill_path(kMedium.path, {"A/B é"});
    EXPECT_EQ(path, "/v1/media/A%2FB%20%C3%A9");
    EXPECT_EQ(match_path(kMedium.path, path), (std::vector<std::string>{"A/B é"}));
    EXPECT_FALSE(match_path(kMedium.path, "/v1/media/"));
    EXPECT_FALSE(match_path(kMedium.path, "/v1/media/a/b"));
    EXPECT_FALSE(match_path(kMedium.path, "/v1/media/%"));
    EXPECT_TRUE(match_path(kStatus.path, "/v1/status"));
    EXPECT_FALSE(match_path(kStatus.path, ""));
}

}  // namespace
}  // namespace capstan::api
