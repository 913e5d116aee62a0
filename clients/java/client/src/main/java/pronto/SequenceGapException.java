// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.Status;

/**
 * Events of a job were left out of its stream.
 *
 * <p>A job's log has no holes, so this is loss on the way: what a client collected is incomplete.
 */
public final class SequenceGapException extends ProntoException {
  private static final long serialVersionUID = 1;

  /** The job. */
  private final String jobId;

  /** The sequence that was due. */
  private final long expected;

  /** The sequence that came. */
  private final long got;

  SequenceGapException(String jobId, long expected, long got) {
    this(jobId, expected, got, null);
  }

  private SequenceGapException(String jobId, long expected, long got, Throwable cause) {
    super(
        Status.DATA_LOSS
            .withDescription("job " + jobId + ": expected event " + expected + ", got event " + got)
            .withCause(cause),
        null,
        ErrorDetails.NONE);
    this.jobId = jobId;
    this.expected = expected;
    this.got = got;
  }

  @Override
  SequenceGapException again() {
    return new SequenceGapException(jobId, expected, got, this);
  }

  /**
   * The job.
   *
   * @return its id
   */
  public String jobId() {
    return jobId;
  }

  /**
   * The sequence that would have been next.
   *
   * @return a sequence
   */
  public long expected() {
    return expected;
  }

  /**
   * The sequence that came.
   *
   * @return a sequence beyond {@link #expected}
   */
  public long got() {
    return got;
  }
}
