/// Every metric that a daemon tells of. This is the one place for their names, labels and words;
/// docs/metrics.md has the same table for people.
///
/// Names and units are Prometheus' (https://prometheus.io/docs/practices/naming/). A label's values are a
/// few that this program has words for, never a text that came from a guest.
public enum Metric: String, Sendable, CaseIterable {
  case buildInfo = "nameplate_build_info"
  case ready = "nameplate_ready"
  // Guests
  case guestRequests = "nameplate_guest_requests_total"
  case guestRequestSeconds = "nameplate_guest_request_seconds"
  case guestWaitingRequestSeconds = "nameplate_guest_waiting_request_seconds"
  case guestWaitingRequests = "nameplate_guest_waiting_requests"
  case guestConnectionsAccepted = "nameplate_guest_connections_accepted_total"
  case guestConnections = "nameplate_guest_connections"
  case guestHeldBytes = "nameplate_guest_held_bytes"
  case guestReceivedBytes = "nameplate_guest_received_bytes_total"
  case guestSentBytes = "nameplate_guest_sent_bytes_total"
  case guestAccounts = "nameplate_guest_accounts"
  case refusals = "nameplate_refusals_total"
  case audited = "nameplate_audited_total"
  case tokensIssued = "nameplate_tokens_issued_total"
  case probes = "nameplate_probes_total"
  case listeners = "nameplate_listeners"
  // What is known
  case catalogResources = "nameplate_catalog_resources"
  case catalogRevision = "nameplate_catalog_revision"
  case storeWritable = "nameplate_store_writable"
  case storeCommitSeconds = "nameplate_store_commit_seconds"
  // Operators
  case controlRequests = "nameplate_control_requests_total"
  case controlRequestSeconds = "nameplate_control_request_seconds"
  case controlRefused = "nameplate_control_refused_total"
  // The process, by the names that every Prometheus client gives them
  case processCPUSeconds = "process_cpu_seconds_total"
  case processResidentBytes = "process_resident_memory_bytes"
  case processVirtualBytes = "process_virtual_memory_bytes"
  case processOpenFiles = "process_open_fds"
  case processMaximumFiles = "process_max_fds"
  case processStart = "process_start_time_seconds"

  public enum Kind: String, Sendable, Hashable {
    /// It only grows, from 0 at the daemon's start.
    case counter
    case gauge
    /// Durations in seconds.
    case histogram
    /// What a library records without saying how it is spread.
    case summary
  }

  public var kind: Kind {
    switch self {
    case .guestRequestSeconds, .guestWaitingRequestSeconds, .storeCommitSeconds,
      .controlRequestSeconds:
      .histogram
    default: rawValue.hasSuffix("_total") ? .counter : .gauge
    }
  }

  /// The labels' names, in the order in which their values are given.
  public var labels: [String] {
    switch self {
    case .buildInfo: ["version"]
    case .guestRequests: ["dialect", "status"]
    case .refusals, .audited, .controlRefused: ["reason"]
    case .listeners: ["state"]
    case .catalogResources: ["kind"]
    case .controlRequests: ["operation", "status"]
    default: []
    }
  }

  /// What it tells, as Prometheus and docs/metrics.md print it.
  public var help: String {
    switch self {
    case .buildInfo: "1, with the version of the program."
    case .ready: "Whether the catalogue is loaded, so that guests are answered."
    case .guestRequests:
      "Answers that guests were given, by what they asked in (none: strangers, and what is no request)"
        + " and the hundreds of the status."
    case .guestRequestSeconds:
      "From when a thread was told of a guest's input to when the answer was given to the kernel."
    case .guestWaitingRequestSeconds:
      "The time of requests that wait on purpose (for a record, a change, the store or vendor data);"
        + " they are left out of nameplate_guest_request_seconds."
    case .guestWaitingRequests:
      "Requests that wait just now for a record, a change, the store or vendor data."
    case .guestConnectionsAccepted: "Guests' connections that were accepted."
    case .guestConnections: "Guests' connections that are open."
    case .guestHeldBytes: "Guests' input and output that is kept in buffers."
    case .guestReceivedBytes: "Bytes that came from guests."
    case .guestSentBytes: "Bytes of answers, heads included."
    case .guestAccounts: "Addresses whose use is remembered for the budgets."
    case .refusals: "Requests and connections of guests that were refused, by reason."
    case .audited: "Requests that were answered and would be refused if their rule were enforced."
    case .tokensIssued: "Session tokens that were given out."
    case .probes: "Probes of doctors that arrived."
    case .listeners: "Listeners for guests that are open or not."
    case .catalogResources: "Resources that are declared, by kind."
    case .catalogRevision: "The transaction that the catalogue has reached."
    case .storeWritable: "Whether the store took the last write."
    case .storeCommitSeconds: "From when a write is given to the store to when it is on disk."
    case .controlRequests:
      "Requests of operators, by operation (none: what is none) and the hundreds of the status."
    case .controlRequestSeconds: "From a request's head to the head of its answer."
    case .controlRefused: "Operators' requests on the network that showed no access."
    case .processCPUSeconds: "User and system time."
    case .processResidentBytes: "Memory that is in use."
    case .processVirtualBytes: "Address space."
    case .processOpenFiles: "Open files."
    case .processMaximumFiles: "Files that may be open."
    case .processStart: "When the daemon started, in seconds since 1970."
    }
  }
}
