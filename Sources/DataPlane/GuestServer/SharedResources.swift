import MetadataService

/// What all connections of a server share.
struct SharedResources: Sendable {
  let service: MetadataService
  let pending: PendingAnswers
  let ledger: ConnectionLedger
  let notes: RefusalNotes
  let timeouts: Timeouts
}
