// SPDX-License-Identifier: Apache-2.0
package pronto.interop;

import java.util.Arrays;
import java.util.Map;
import pronto.examples.Enrich;
import pronto.examples.Refusals;
import pronto.examples.Search;

/** Runs a scenario against a server: {@code run SCENARIO [ARGUMENT...]}. */
public final class Main {
  private static final Map<String, Scenario> SCENARIOS =
      Map.ofEntries(
          Map.entry("search", Search::main),
          Map.entry("enrich", Enrich::main),
          Map.entry("refusals", Refusals::main),
          Map.entry("unary", Calls::unary),
          Map.entry("streaming", Calls::streaming),
          Map.entry("deadline", Leaving::deadline),
          Map.entry("cancellation", Leaving::cancellation),
          Map.entry("metadata", Headers::metadata),
          Map.entry("large", Sizes::large),
          Map.entry("compression", Sizes::compression),
          Map.entry("errors", Errors::errors),
          Map.entry("health", Standard::health),
          Map.entry("reflection", Standard::reflection),
          Map.entry("unix", Transports::unix),
          Map.entry("tls", Transports::tls),
          Map.entry("retry", Repeats::retry),
          Map.entry("follow", Following::follow),
          Map.entry("follow-flow", FlowFollowing::follow));

  private Main() {}

  /** A thing to try. It throws when it does not work. */
  @FunctionalInterface
  interface Scenario {
    void run(String[] arguments) throws Exception;
  }

  /**
   * Runs a scenario.
   *
   * @param arguments its name and what it needs
   */
  public static void main(String[] arguments) {
    Scenario scenario = arguments.length == 0 ? null : SCENARIOS.get(arguments[0]);
    if (scenario == null) {
      System.err.println(
          "no such scenario; there are " + SCENARIOS.keySet().stream().sorted().toList());
      System.exit(2);
    }
    try {
      scenario.run(Arrays.copyOfRange(arguments, 1, arguments.length));
    } catch (Exception | AssertionError e) {
      System.err.println(arguments[0] + ": " + e.getMessage());
      e.printStackTrace();
      System.exit(1);
    }
  }
}
