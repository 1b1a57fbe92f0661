-- Since when the process has seen events wait in the queue while no worker ran; NULL while none do.
ALTER TABLE processes ADD COLUMN untaken_since INTEGER;
