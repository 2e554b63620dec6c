// The parts of the C library about network namespaces that its Swift module leaves out.
#pragma once

/// Moves the calling thread into the network namespace of an open file; -1 with errno otherwise.
int np_enter_network_namespace(int descriptor);
