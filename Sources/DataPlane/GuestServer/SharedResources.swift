import MetadataService

/// What all connections of a server share, in one reference.
final class SharedResources: Sendable {
  let service: MetadataService
  let pending: PendingAnswers
  let ledger: ConnectionLedger
  let notes: RefusalNotes
  let timeouts: Timeouts

  init(
    service: MetadataService, pending: PendingAnswers, ledger: ConnectionLedger,
    notes: RefusalNotes, timeouts: Timeouts
  ) {
    self.service = service
    self.pending = pending
    self.ledger = ledger
    self.notes = notes
    self.timeouts = timeouts
  }
}
