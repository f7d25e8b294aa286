#include "daemon/api/http_reply.hpp"

#include <gtest/gtest.h>

namespace capstan::api {
namespace {

TEST(HttpReply, TakesEveryKindOfBody) {
    auto reply = parse_http_reply("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->status, 200);
    EXPECT_EQ(reply->body, "{}");
    EXPECT_EQ(parse_http_reply("HTTP/1.0 404 Not Found\n\nrest")->body, "rest");
    EXPECT_EQ(
        parse_http_reply("HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n")
            ->body,
        "abcde");
}

TEST(HttpReply, CutAnywhereIsNoReply) {
    for (std::string whole : {"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello, world",
                              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"}) {
        ASSERT_TRUE(parse_http_reply(whole));
        for (std::size_t size = 0; size < whole.size() - 1; ++size)
            EXPECT_FALSE(parse_http_reply(whole.substr(0, size))) << size;
    }
}

TEST(HttpReply, RefusesOtherThings) {
    for (auto text : {"", "\n\n", "SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 099 OK\r\n\r\n",
                      "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\na",
                      "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\na",
                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\na"})
        EXPECT_FALSE(parse_http_reply(text)) << text;
}

}  // namespace
}  // namespace capstan::api
