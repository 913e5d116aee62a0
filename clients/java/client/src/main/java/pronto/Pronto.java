// SPDX-License-Identifier: Apache-2.0
package pronto;

import io.grpc.Channel;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import pronto.v1.AccountServiceGrpc;
import pronto.v1.AccountServiceGrpc.AccountServiceBlockingStub;
import pronto.v1.ContactServiceGrpc;
import pronto.v1.ContactServiceGrpc.ContactServiceBlockingStub;
import pronto.v1.Job;
import pronto.v1.JobServiceGrpc;
import pronto.v1.JobServiceGrpc.JobServiceBlockingStub;
import pronto.v1.LeadServiceGrpc;
import pronto.v1.LeadServiceGrpc.LeadServiceBlockingStub;
import pronto.v1.ListServiceGrpc;
import pronto.v1.ListServiceGrpc.ListServiceBlockingStub;
import pronto.v1.LocationServiceGrpc;
import pronto.v1.LocationServiceGrpc.LocationServiceBlockingStub;
import pronto.v1.PersonaServiceGrpc;
import pronto.v1.PersonaServiceGrpc.PersonaServiceBlockingStub;
import pronto.v1.SandboxServiceGrpc;
import pronto.v1.SandboxServiceGrpc.SandboxServiceBlockingStub;
import pronto.v1.SearchServiceGrpc;
import pronto.v1.SearchServiceGrpc.SearchServiceBlockingStub;
import pronto.v1.SignalServiceGrpc;
import pronto.v1.SignalServiceGrpc.SignalServiceBlockingStub;
import pronto.v1.StartResponse;
import pronto.v1.UsageServiceGrpc;
import pronto.v1.UsageServiceGrpc.UsageServiceBlockingStub;
import pronto.v1.WorkspaceServiceGrpc;
import pronto.v1.WorkspaceServiceGrpc.WorkspaceServiceBlockingStub;

/**
 * A client of pronto-grpc: the stubs of its services, and jobs to follow.
 *
 * <pre>{@code
 * try (Pronto pronto = Pronto.builder().target("localhost:50051").connect()) {
 *   StartResponse start = pronto.leads().startLeadSearch(request);
 *   try (Follow events = pronto.follow(start)) {
 *     for (JobEvent event : events) { ... }
 *   }
 * }
 * }</pre>
 *
 * <p>The stubs block and throw {@link io.grpc.StatusRuntimeException}, which {@link
 * ProntoException#of} decodes. Others are made of {@link #channel}: {@code
 * LeadServiceGrpc.newFutureStub(pronto.channel())}.
 *
 * <p>Calls that the API says are safe to repeat, and those whose request has a {@code request_id},
 * are repeated on UNAVAILABLE, four times at most and within the deadline of the call. No other
 * call is. Streams have connections of their own, a hundred on each: those of the stubs, and of the
 * jobs that are followed. A client is safe for many threads, and one for a program is enough.
 */
public final class Pronto implements AutoCloseable {
  private final Channel channel;
  private final Connection calls;
  private final Lanes lanes;
  private final Engine engine;
  private final Followings followings;
  private final Closing closing;
  private final Pauses pauses;

  /** With the channel of the stubs, the connection of calls, and those of streams. */
  Pronto(
      Channel channel,
      Connection calls,
      Lanes lanes,
      Engine engine,
      Closing closing,
      Pauses pauses) {
    this.channel = channel;
    this.calls = calls;
    this.lanes = lanes;
    this.engine = engine;
    this.closing = closing;
    this.pauses = pauses;
    this.followings = new Followings(lanes, engine);
  }

  /**
   * Says how to connect.
   *
   * @return a builder with the defaults
   */
  public static ProntoBuilder builder() {
    return new ProntoBuilder();
  }

  /**
   * Connects to a server of this machine at its default port.
   *
   * @return a client, to be closed
   */
  public static Pronto connect() {
    return builder().connect();
  }

  /**
   * The channel below the stubs, for stubs of other kinds and other services.
   *
   * @return the channel, with credentials and repeats
   */
  public Channel channel() {
    return channel;
  }

  /**
   * Finds and enriches companies.
   *
   * @return a stub
   */
  public AccountServiceBlockingStub accounts() {
    return AccountServiceGrpc.newBlockingStub(channel);
  }

  /**
   * Finds emails and phone numbers.
   *
   * @return a stub
   */
  public ContactServiceBlockingStub contacts() {
    return ContactServiceGrpc.newBlockingStub(channel);
  }

  /**
   * Follows, lists, cancels and purges jobs.
   *
   * @return a stub
   */
  public JobServiceBlockingStub jobs() {
    return JobServiceGrpc.newBlockingStub(channel);
  }

  /**
   * Finds and enriches people.
   *
   * @return a stub
   */
  public LeadServiceBlockingStub leads() {
    return LeadServiceGrpc.newBlockingStub(channel);
  }

  /**
   * Lists of companies and people.
   *
   * @return a stub
   */
  public ListServiceBlockingStub lists() {
    return ListServiceGrpc.newBlockingStub(channel);
  }

  /**
   * Ids of places, for filters.
   *
   * @return a stub
   */
  public LocationServiceBlockingStub locations() {
    return LocationServiceGrpc.newBlockingStub(channel);
  }

  /**
   * Saved personas.
   *
   * @return a stub
   */
  public PersonaServiceBlockingStub personas() {
    return PersonaServiceGrpc.newBlockingStub(channel);
  }

  /**
   * Rehearses failure; only at a server with {@code --sandbox}.
   *
   * @return a stub
   */
  public SandboxServiceBlockingStub sandbox() {
    return SandboxServiceGrpc.newBlockingStub(channel);
  }

  /**
   * Searches that Pronto keeps.
   *
   * @return a stub
   */
  public SearchServiceBlockingStub searches() {
    return SearchServiceGrpc.newBlockingStub(channel);
  }

  /**
   * Buying signals.
   *
   * @return a stub
   */
  public SignalServiceBlockingStub signals() {
    return SignalServiceGrpc.newBlockingStub(channel);
  }

  /**
   * What calls cost and would cost, budgets, limits.
   *
   * @return a stub
   */
  public UsageServiceBlockingStub usage() {
    return UsageServiceGrpc.newBlockingStub(channel);
  }

  /**
   * The Pronto account and its credits.
   *
   * @return a stub
   */
  public WorkspaceServiceBlockingStub workspace() {
    return WorkspaceServiceGrpc.newBlockingStub(channel);
  }

  /**
   * Follows a job from its first event.
   *
   * @param jobId the job
   * @return its events; to be closed
   */
  public Follow follow(String jobId) {
    return follow(jobId, FollowOptions.DEFAULT);
  }

  /**
   * Follows a job.
   *
   * @param jobId the job
   * @param options where to begin, and how patiently
   * @return its events; to be closed
   */
  public Follow follow(String jobId, FollowOptions options) {
    return new Follow(followings, jobId, options);
  }

  /**
   * Follows a job from its first event.
   *
   * @param job the job
   * @return its events; to be closed
   */
  public Follow follow(Job job) {
    return follow(job, FollowOptions.DEFAULT);
  }

  /**
   * Follows a job.
   *
   * @param job the job
   * @param options where to begin, and how patiently
   * @return its events; to be closed
   */
  public Follow follow(Job job, FollowOptions options) {
    return follow(job.getId(), options);
  }

  /**
   * Follows what was started from its first event.
   *
   * @param start the answer of a Start RPC
   * @return its events; to be closed
   * @throws IllegalArgumentException when the results go to a webhook_url
   */
  public Follow follow(StartResponse start) {
    return follow(start, FollowOptions.DEFAULT);
  }

  /**
   * Follows what was started.
   *
   * @param start the answer of a Start RPC
   * @param options where to begin, and how patiently
   * @return its events; to be closed
   * @throws IllegalArgumentException when the results go to a webhook_url
   */
  public Follow follow(StartResponse start, FollowOptions options) {
    return follow(jobId(start), options);
  }

  /**
   * Publishes the events of a job, from its first one.
   *
   * @param jobId the job
   * @return a publisher
   */
  public FollowPublisher publisher(String jobId) {
    return publisher(jobId, FollowOptions.DEFAULT);
  }

  /**
   * Publishes the events of a job.
   *
   * @param jobId the job
   * @param options where to begin, and how patiently
   * @return a publisher
   */
  public FollowPublisher publisher(String jobId, FollowOptions options) {
    return new FollowPublisher(followings, jobId, options);
  }

  /**
   * Publishes the events of a job, from its first one.
   *
   * @param job the job
   * @return a publisher
   */
  public FollowPublisher publisher(Job job) {
    return publisher(job, FollowOptions.DEFAULT);
  }

  /**
   * Publishes the events of a job.
   *
   * @param job the job
   * @param options where to begin, and how patiently
   * @return a publisher
   */
  public FollowPublisher publisher(Job job, FollowOptions options) {
    return publisher(job.getId(), options);
  }

  /**
   * Publishes the events of what was started, from the first one.
   *
   * @param start the answer of a Start RPC
   * @return a publisher
   * @throws IllegalArgumentException when the results go to a webhook_url
   */
  public FollowPublisher publisher(StartResponse start) {
    return publisher(start, FollowOptions.DEFAULT);
  }

  /**
   * Publishes the events of what was started.
   *
   * @param start the answer of a Start RPC
   * @param options where to begin, and how patiently
   * @return a publisher
   * @throws IllegalArgumentException when the results go to a webhook_url
   */
  public FollowPublisher publisher(StartResponse start, FollowOptions options) {
    return publisher(jobId(start), options);
  }

  /**
   * Ends what is followed and calls that are under way, and closes the connections. All of that
   * ends with {@code CANCELLED}, "the client is closed"; what the server refused before is among
   * the causes. So do calls that are made afterwards; following a job then is an {@link
   * IllegalStateException}.
   */
  @Override
  public void close() {
    closing.begin();
    followings.close();
    pauses.close();
    lanes.close();
    calls.managed().shutdownNow();
    try {
      calls.managed().awaitTermination(5, TimeUnit.SECONDS);
      lanes.awaitTermination(Duration.ofSeconds(5));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    engine.close();
  }

  /** How much is followed at the moment. */
  int following() {
    return followings.size();
  }

  /** How many connections there are for streams. */
  int lanes() {
    return lanes.size();
  }

  private static String jobId(StartResponse start) {
    if (!start.hasJob()) {
      throw new IllegalArgumentException(
          "there is no job to follow: the request named a webhook_url, so Pronto sends the results"
              + " there");
    }
    return start.getJob().getId();
  }
}
