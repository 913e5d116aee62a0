// SPDX-License-Identifier: Apache-2.0
package pronto;

import java.util.concurrent.Flow;
import pronto.v1.JobCompleted;

/** What a subscriber of a {@link FollowPublisher} gets in {@code onSubscribe}. */
public interface JobSubscription extends Flow.Subscription {
  /**
   * The job.
   *
   * @return its id
   */
  String jobId();

  /**
   * How the job ended, and what arrived. It is there as soon as {@code completed} was signalled,
   * and stays, whatever happens afterwards.
   *
   * @return the account
   * @throws IllegalStateException before {@code completed} or {@code onComplete}
   */
  JobCompleted account();
}
