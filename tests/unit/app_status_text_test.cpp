// What `taskdns status` prints of a daemon in trouble.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/status_text.hpp"
#include "http_server_example.hpp"

namespace taskdns::app {
namespace {

using namespace http_server::example;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(StatusText, SaysEverythingWhereThereIsRoom) {
    EXPECT_EQ(status_text(daemon(), {well(), impaired(), dark()}, {}),
              R"(taskdns 0.1.0, task task/abc, up 3 h 20 min, ready
family client, ECS service client-service, cluster default, zone use1-az1
1 of 3 services failing: dark.local; 1 with a warning: orders.local
  failing  dark.local: nothing to serve: the registry cannot be asked: 10.0.0.2:53: timeout
  warning  orders.local: 2 of 4 endpoints: 10.0.3.11:9090 (unhealthy:status), 10.0.3.13:9090 (ejected:reports)

  SERVICE                         ANSWERS HOLD       SERVED  HEALTHY  ALL  DATA AGE  FLAGS  LAST ERROR
  dark.local             failing  nothing to serve   0       0        0    2 s       -      10.0.0.2:53: timeout
  orders.local           warning  healthy endpoints  1       3        4    4 s       stale  -
  resource-server.local  well     healthy endpoints  4       4        4    4 s       -      -

dark.local: registry cannot be asked; 0 answers
  no endpoint is known

orders.local: registry shows all there are; 0 answers
  ENDPOINT        STATE      SERVED  WHY                       FOR         LAST CHECK                                                           CONNECTIONS  SHARE
  10.0.3.11:9090  unhealthy  no      unhealthy:status          42 s        unexpected HTTP status (500), 12 ms, just now: <b>Tom & "Jerry"</b>  -            0 %
  10.0.3.13:9090  healthy    no      ejected:reports for 25 s  3 h 20 min  none yet                                                             -            0 %
  10.0.3.10:9090  healthy    yes     served                    3 h 20 min  connected, 0.41 ms, 1 s ago                                          -            25 %
  10.0.3.12:9090  healthy    no      drained for 9 min         3 h 20 min  none yet                                                             -            0 %

resource-server.local: registry shows all there are; 40123 answers, next 10.0.1.10:8080 10.0.1.11:8080 10.0.2.10:8080 10.0.2.11:8080
  ENDPOINT        STATE    SERVED  WHY     FOR         LAST CHECK                   CONNECTIONS                               SHARE  ZONE
  10.0.1.10:8080  healthy  yes     served  3 h 20 min  connected, 0.41 ms, 1 s ago  4 open, 0.31 ms, 2 refused, 3 unanswered  25 %   use1-az1
  10.0.1.11:8080  healthy  yes     served  3 h 20 min  connected, 0.41 ms, 1 s ago  -                                         25 %   -
  10.0.2.10:8080  healthy  yes     served  3 h 20 min  connected, 0.41 ms, 1 s ago  -                                         25 %   -
  10.0.2.11:8080  healthy  yes     served  3 h 20 min  connected, 0.41 ms, 1 s ago  -                                         25 %   -

  UPSTREAM     STATE    QUERIES  FAILED  ROUND TRIP  LAST ANSWER  LAST ERROR
  10.0.0.2:53  answers  200      10      0.83 ms     4 s          -
)");
}

TEST(StatusText, FitsANarrowTerminal) {
    const std::string text = status_text(daemon(), {well(), impaired(), dark()}, {false, 60});
    std::size_t begin = 0;
    for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
        EXPECT_LE(end - begin, 60U) << text.substr(begin, end - begin);
        begin = end + 1;
    }
    EXPECT_THAT(text, HasSubstr("10.0.3.11:9090  unhealthy"));
    EXPECT_THAT(text, HasSubstr("unhealthy:status"));
}

TEST(StatusText, ColoursWhatIsWrong) {
    const std::string text = status_text(daemon(), {dark()}, {true, 0});
    EXPECT_THAT(text, HasSubstr("\x1b[1;31m1 of 1 service failing: dark.local\x1b[0m\n"));
    EXPECT_THAT(status_text(daemon(), {dark()}, {}), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace taskdns::app
