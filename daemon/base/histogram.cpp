// A histogram of durations with one writing thread. Layer: base.
#include "base/histogram.hpp"

#include <algorithm>

namespace taskdns {

using std::chrono::nanoseconds;

Histogram::Reading Histogram::read() const {
    Reading reading;
    reading.bounds = bounds_;
    reading.buckets.reserve(bounds_.size() + 1);
    for (std::size_t i = 0; i <= bounds_.size(); ++i) {
        reading.buckets.push_back(buckets_[i].value());
        reading.count += reading.buckets.back();
    }
    reading.sum = nanoseconds(sum_.value());
    return reading;
}

nanoseconds Histogram::Reading::quantile(double quantile) const {
    const double rank = std::clamp(quantile, 0.0, 1.0) * static_cast<double>(count);
    double below = 0;
    for (std::size_t i = 0; i < bounds.size() && count > 0; ++i) {
        const double in_bucket = static_cast<double>(buckets[i]);
        if (in_bucket > 0 && below + in_bucket >= rank) {
            const nanoseconds lower = i == 0 ? nanoseconds(0) : bounds[i - 1];
            const double part = (rank - below) / in_bucket;
            return lower + nanoseconds(static_cast<nanoseconds::rep>(
                               part * static_cast<double>((bounds[i] - lower).count())));
        }
        below += in_bucket;
    }
    return count == 0 || bounds.empty() ? nanoseconds(0) : bounds.back();
}

Histogram::Reading Histogram::Reading::since(const Reading& before) const {
    Reading difference = *this;
    for (std::size_t i = 0; i < std::min(buckets.size(), before.buckets.size()); ++i) {
        difference.buckets[i] -= before.buckets[i];
    }
    difference.count -= before.count;
    difference.sum -= before.sum;
    return difference;
}

}  // namespace taskdns
