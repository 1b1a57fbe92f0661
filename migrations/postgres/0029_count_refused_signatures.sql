-- Requests that a process refused because of their signature, by connection: JSON, as `RefusedSignatures` has it.
ALTER TABLE processes ADD COLUMN refused_signatures text NOT NULL DEFAULT '[]';
